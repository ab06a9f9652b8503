"""The page's road, weather and car are those of the task `lane`."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

from elegans.tests.places import CHECKOUT, TESTS
from elegans.trainer.onnx_out.signals import limits
from elegans.trainer.tasks.lane.closed_loop import drive_all
from elegans.trainer.tasks.lane.journey import DT_RANGE, SENSORS, draw_journey
from elegans.trainer.tasks.lane.road import TIGHTEST

_SCRIPTS = CHECKOUT / "viewer" / "web" / "src" / "drive"


def _node(script, *arguments):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: install nodejs")
    line = [node, str(TESTS / "viewer" / "pages" / script), str(_SCRIPTS), *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("seed", "fog", "noise"), [(1, 0.7, 1.0), (2, 1.0, 3.0), (3, 0.0, 0.0)])
def test_the_same_journey_gives_the_same_drive_to_a_billionth(tmp_path, seed, fog, noise):
    journey = draw_journey(40.0, seed, fog=fog, noise=noise)
    wobble = np.random.default_rng(seed).normal(0, 0.03, len(journey.dt) + 1)
    steps = iter(wobble)
    one = drive_all([journey], lambda _x, _dt, expert: expert + next(steps))[0]
    given = {
        "curvature": journey.road.curvature.tolist(),
        "start": journey.start,
        "dt": one.dt.astype(np.float64).tolist(),
        "sight": journey.sight.tolist(),
        "noise": journey.noise.tolist(),
        "commands": one.steering.tolist(),
        "ranges": np.stack(limits(SENSORS), axis=1).tolist(),
    }
    (tmp_path / "given.json").write_text(json.dumps(given))
    found = _node("drive_journey.mjs", tmp_path / "given.json")
    log = {name: np.array([row[name] for row in found["log"]]) for name in found["log"][0]}
    expected = {"lateral": one.lateral_error, "arc": one.arc, "expert": one.expert}
    for name, values in expected.items():
        np.testing.assert_allclose(log[name], values, rtol=0, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(log["position"], one.position, rtol=0, atol=1e-9)
    # Sensors are float32: the last digit may round the other way.
    np.testing.assert_allclose(log["x"], one.x, rtol=2e-7, atol=1e-9)
    road = journey.road
    np.testing.assert_allclose(found["heading"], road.heading, rtol=0, atol=1e-9)
    np.testing.assert_allclose(np.stack([found["x"], found["y"]], 1), road.centreline, atol=1e-8)
    assert np.abs(one.lateral_error).max() > 0.1, "this drive shows little"


def test_the_page_draws_roads_and_weather_as_the_task_does():
    drawn = _node("draw_journeys.mjs")
    assert drawn["usual"] == drawn["again"] != drawn["other"]
    usual, theirs = drawn["usual"], [draw_journey(160.0, seed) for seed in range(3)]
    dt = np.array([sample["dt"] for sample in usual])
    other = np.concatenate([one.dt for one in theirs])
    assert DT_RANGE[0] <= dt.min() < dt.max() <= DT_RANGE[1]
    assert abs(dt.mean() - other.mean()) < 0.001
    assert abs(dt.std() - other.std()) < 0.001
    noise = np.array([sample["noise"] for sample in usual])
    known = np.concatenate([one.noise for one in theirs]).std(axis=0)
    np.testing.assert_allclose(noise.std(axis=0), known, rtol=0.05)
    assert np.abs(noise.mean(axis=0) / known).max() < 0.06
    sight = np.array([sample["sight"] for sample in usual])
    assert 4.0 <= sight.min() < 20 < sight.max() <= 45.0
    steady = drawn["steady"]
    assert len({sample["dt"] for sample in steady}) == 1
    assert {sample["sight"] for sample in steady} == {45}
    assert not np.any([sample["noise"] for sample in steady])
    lost = np.array([sample["lost"] for sample in drawn["lossy"]])
    assert abs(lost.mean() - 0.25) < 0.01
    assert [s["noise"] for s in drawn["lossy"]] == [s["noise"] for s in usual]


def test_a_road_bends_as_much_as_is_asked_for_and_what_was_driven_stays():
    drawn = _node("draw_journeys.mjs")
    usual, later = (np.array(drawn[name]["curvature"]) for name in ("road", "bent_later"))
    assert 0.03 < np.abs(usual).max() <= TIGHTEST + 1e-12
    assert not np.any(drawn["straight"]["curvature"])
    assert np.abs(np.diff(usual)).max() <= 2 * TIGHTEST / 36 + 1e-12, "a bend has no clothoid"
    first = int(1000 / 0.5)
    assert later[:first].tolist() == usual[:first].tolist()
    np.testing.assert_allclose(later[first + 100 :], 0.5 * usual[first + 100 :], atol=1e-12)
    heading = np.array(drawn["bent_later"]["heading"])
    assert len(heading) == len(later)
    assert np.abs(np.diff(heading)).max() <= 0.5 * TIGHTEST + 1e-12
