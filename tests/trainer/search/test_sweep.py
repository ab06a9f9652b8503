"""A sweep in its folder: stopped, killed, gone on with, refused; its trials and its front."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import pytest

from elegans.exporter.errors import ElegansError
from elegans.exporter.storage.file_lock import try_lock
from elegans.tests.trainer.search.scripted import FAILED, HOPELESS, Named, Scripted, plan, swept
from elegans.trainer.learn.training_loop import StoppedError
from elegans.trainer.search import sweep
from elegans.trainer.search.hopeless import CostLimit
from elegans.trainer.search.sweep import SweepStoppedError, run_sweep


@pytest.fixture(autouse=True)
def _no_pictures(request, monkeypatch):
    """They take longer than all trials; the first test draws them."""
    if "same_seed" not in request.node.name:
        monkeypatch.setattr(sweep, "draw_front", lambda *_: None)


@pytest.fixture(scope="module")
def _one_trial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("begun") / "sweep"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "draw_front", lambda *_: None)
        swept(folder, trials=1)
    return folder


@pytest.fixture
def begun(_one_trial, tmp_path):
    """The folder of a sweep with one trial."""
    return Path(shutil.copytree(_one_trial, tmp_path / "begun"))


def test_the_same_seed_gives_the_same_front_and_another_seed_another(tmp_path, monkeypatch):
    first, again = swept(tmp_path / "a"), swept(tmp_path / "b")
    monkeypatch.setattr(sweep, "draw_front", lambda *_: None)
    assert (tmp_path / "a/front.json").read_bytes() == (tmp_path / "b/front.json").read_bytes()
    assert first == again
    assert (tmp_path / "a/front.svg").read_bytes() == (tmp_path / "b/front.svg").read_bytes()
    other = swept(tmp_path / "c", seed=2)
    assert [r["lr"] for r in other["trials"]] != [r["lr"] for r in first["trials"]]


def test_each_trial_of_the_front_has_its_folder(tmp_path):
    found = swept(tmp_path)
    assert found["front"]
    for row in found["trials"]:
        told = json.loads((tmp_path / row["folder"] / "trial.json").read_text())
        assert told == row
        assert (tmp_path / row["folder"] / "model.onnx").exists()


@pytest.mark.parametrize("stop_at", [0, 3, 5])
def test_a_sweep_that_was_stopped_ends_as_if_it_had_not_been(tmp_path, stop_at):
    workers = Scripted(stop_at=stop_at)
    with pytest.raises(SweepStoppedError, match=f"stopped after {stop_at} of 6 trials"):
        swept(tmp_path / "a", workers=workers)
    assert workers.closed
    assert len(json.loads((tmp_path / "a/front.json").read_text())["trials"]) == stop_at
    later = Scripted()
    assert swept(tmp_path / "a", workers=later) == swept(tmp_path / "b")
    assert later.ran == list(range(stop_at, 6))


def test_stopping_a_trial_again_and_again_is_no_failure_of_it(tmp_path):
    for _ in range(4):
        with pytest.raises(SweepStoppedError):
            swept(tmp_path, trials=2, workers=Scripted(stop_at=1))
    assert [row["trial"] for row in swept(tmp_path, trials=2)["trials"]] == [0, 1]


def test_a_study_with_foreign_trials_is_used_and_a_damaged_one_is_refused(begun):
    optuna = pytest.importorskip("optuna")
    name = json.loads((begun / "sweep.json").read_text())["study"]
    study = optuna.load_study(study_name=name, storage=f"sqlite:///{begun / 'study.db'}")
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    assert [row["trial"] for row in swept(begun, trials=3)["trials"]] == [0, 2]
    trial = study.ask()
    trial.set_user_attr("outcome", {"state": "complete", "values": {"error": "nothing"}})
    study.tell(trial, [1, 1, 1])
    with pytest.raises(ElegansError, match="trial 3 is damaged"):
        swept(begun)


def test_ctrl_c_in_a_training_of_this_process_stops_the_sweep_too(tmp_path):
    inside = StoppedError("training", "stopped after 3 of 9 epochs", "resume")
    with pytest.raises(SweepStoppedError, match="stopped after 1 of 6 trials"):
        swept(tmp_path, workers=Scripted(stop_at=1, stopped=inside))


def test_a_sweep_that_was_killed_loses_nothing(tmp_path):
    code = (
        "import sys; from pathlib import Path;"
        "from elegans.tests.trainer.search.scripted import Scripted, swept;"
        "swept(Path(sys.argv[1]), workers=Scripted(places=3, die_at=5), trials=9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert killed.returncode == 9
    later = Scripted()
    found = swept(tmp_path, trials=9, workers=later)
    assert later.ran == list(range(5, 9))  # 5, 6 and 7 were running: they are not lost
    assert [row["trial"] for row in found["trials"]] == list(range(9))


def test_a_finished_sweep_goes_on_with_more_trials_and_starts_no_worker_without(tmp_path):
    swept(tmp_path, trials=4)
    assert len(swept(tmp_path, trials=6)["trials"]) == 6
    workers = Scripted()
    swept(tmp_path, trials=6, workers=workers)
    assert not workers.ran


def test_a_trial_whose_process_dies_is_run_again_and_fails_in_the_end(tmp_path):
    workers = Scripted(places=2, lost={1: 2, 4: 99})
    found = swept(tmp_path, trials=6, workers=workers)
    assert workers.ran.count(1) == 3
    assert workers.ran.count(4) == 3
    assert [row["trial"] for row in found["trials"]] == [0, 1, 2, 3, 5]


def test_pruned_and_failed_trials_count_but_are_not_in_the_front(tmp_path):
    workers, told = Scripted(states={2: HOPELESS, 3: FAILED, 6: "refused"}), []
    found = run_sweep(plan(), Named(), tmp_path, 8, lambda: workers, tell=told.append)
    assert told == ["trial 3 failed: as the test wants"]
    assert {row["trial"] for row in found["trials"]} == {0, 1, 4, 5, 7}
    assert not (tmp_path / "trials/3").exists()


def test_a_sweep_of_which_every_trial_fails_ends_with_the_reason(tmp_path):
    workers = Scripted(states=dict.fromkeys(range(99), FAILED))
    with pytest.raises(ElegansError, match="first 5 trials failed: as the test wants"):
        swept(tmp_path, workers=workers)


def test_a_folder_is_swept_by_one_process_at_a_time(begun):
    with (begun / ".lock").open("a+b") as file:
        assert try_lock(file)
        with pytest.raises(ElegansError, match="swept by another process"):
            swept(begun)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"seed": 2}, "another settings"),
        ({"core": "m0"}, "another core"),
        ({"budget": CostLimit(flash=5000)}, "another budget"),
        ({"objectives": ("error", "flash")}, "another objectives"),
    ],
)
def test_a_sweep_goes_on_only_with_the_settings_that_it_began_with(begun, changed, text):
    with pytest.raises(ElegansError, match=text):
        swept(begun, **changed)


def test_other_data_are_refused(begun):
    with pytest.raises(ElegansError, match="another data"):
        run_sweep(plan(), Named(digest="made 2"), begun, 2, Scripted)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("all I have")
    with pytest.raises(ElegansError, match=r"holds 'thesis\.txt', and no sweep"):
        swept(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b"\xff", b'{"study": 1}', b"[" * 9999])
def test_a_damaged_description_is_an_error(begun, damage):
    (begun / "sweep.json").write_bytes(damage)
    with pytest.raises(ElegansError, match=r"sweep\.json: is damaged"):
        swept(begun)


def test_a_damaged_study_is_an_error(begun):
    (begun / "study.db").write_bytes(b"no database" * 999)
    with pytest.raises(ElegansError, match="storage sqlite: cannot be used"):
        swept(begun)


def test_a_journal_on_a_share_holds_the_trials_as_sqlite_does(tmp_path):
    journal = f"journal:{tmp_path / 'share.log'}"
    swept(tmp_path / "a", trials=5, storage=journal, workers=Scripted(places=2))
    assert not (tmp_path / "a/study.db").exists()
    assert len(swept(tmp_path / "a", trials=7, storage=journal)["trials"]) == 7
    with pytest.raises(ElegansError, match="its trials are in journal, not in sqlite"):
        swept(tmp_path / "a")


def test_postgresql_holds_the_trials_as_sqlite_does(tmp_path):
    """A server of your own: ELEGANS_POSTGRESQL=postgresql://USER@HOST/DATABASE."""
    storage = os.environ.get("ELEGANS_POSTGRESQL")
    if storage is None:
        pytest.skip("ELEGANS_POSTGRESQL names no database")
    swept(tmp_path / "a", trials=3, storage=storage)
    assert swept(tmp_path / "a", storage=storage) == swept(tmp_path / "b")
    assert not (tmp_path / "a/study.db").exists()


@pytest.mark.parametrize("storage", ["here", "postgresql:", "://", "nosuch://host/x"])
def test_what_is_no_storage_is_refused_in_one_line(tmp_path, storage):
    with pytest.raises(ElegansError, match="storage"):
        swept(tmp_path, storage=storage)


def test_a_password_is_not_repeated(tmp_path):
    with pytest.raises(ElegansError) as caught:
        swept(tmp_path, storage="postgresql://me:geheim@127.0.0.1:9/none")
    assert "geheim" not in str(caught.value)
    assert "geheim" not in (tmp_path / "sweep.json").read_text()


def test_robustness_is_an_objective_of_its_own(tmp_path):
    objectives = ("error", "flash", "robustness")
    found = swept(tmp_path, objectives=objectives, disturbance=True)
    assert found["objectives"] == list(objectives)
    assert found["disturbance"] == "noise 0.5, dropout 0"


def test_the_dashboard_opens_the_study(begun):
    dashboard = pytest.importorskip("optuna_dashboard")
    study = json.loads((begun / "sweep.json").read_text())["study"]
    application = dashboard.wsgi(f"sqlite:///{begun / 'study.db'}")
    request: dict = {"PATH_INFO": "/api/studies"}
    setup_testing_defaults(request)
    answer: list = []
    body = b"".join(application(request, lambda status, *_: answer.append(status)))
    assert answer == ["200 OK"]
    (told,) = json.loads(body)["study_summaries"]
    assert told["study_name"] == study
