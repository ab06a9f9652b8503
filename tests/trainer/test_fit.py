"""The training loop lowers the loss, counts its stages, and stops at a loss of NaN."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from elegans.exporter.errors import ElegansError
from elegans.trainer.fit import Fit, reproducible
from elegans.trainer.progress import Progress, shown


def test_training_runs_its_stages_and_lowers_the_loss() -> None:
    seen: list[tuple[str, int, int]] = []

    def progress(stage: str, done: int, total: int, _note: str) -> None:
        seen.append((stage, done, total))

    with reproducible(0):
        net = torch.nn.Linear(3, 1)
        fit = Fit(net, epochs=6, batches=20, rate=0.05, progress=progress)
        x = torch.randn(64, 3)
        fit.stage("first", 4, lambda: (net(x) - x[:, :1]).square().mean())
        fit.stage("second", 6, lambda: (net(x) - x[:, :1]).square().mean())
    assert fit.history[-1] < 0.05 * fit.history[0]
    assert fit.stages == [("first", 4), ("second", 6)]
    assert seen == [("first", k, 6) for k in (1, 2, 3, 4)] + [("second", k, 6) for k in (5, 6)]


def test_a_loss_of_nan_ends_the_training() -> None:
    net = torch.nn.Linear(1, 1)
    fit = Fit(net, epochs=3, batches=1, rate=0.1)
    with pytest.raises(ElegansError, match="epoch 1: the loss became nan"):
        fit.stage("doomed", 3, lambda: net(torch.ones(1)).sum() * float("nan"))


def test_a_reproducible_block_restores_the_random_state_and_threads_of_the_caller() -> None:
    torch.manual_seed(5)
    expected, threads = torch.rand(3), torch.get_num_threads()
    torch.manual_seed(5)
    with reproducible(1):
        first = torch.rand(3)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    with reproducible(1):
        assert torch.equal(torch.rand(3), first)


def test_without_a_terminal_progress_is_a_dozen_plain_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work(progress: Progress) -> None:
        for done in range(1, 101):
            progress("fit", done, 100, f"loss {1 / done:.2f}")

    with shown() as progress:
        work(progress)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == "fit: 1/100 loss 1.00"
    assert err.splitlines()[-1] == "fit: 100/100 loss 0.01"
    assert len(err.splitlines()) == 11
