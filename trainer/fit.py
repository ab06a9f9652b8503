"""The training loop of the built-in tasks: Adam, a cosine schedule, clipped gradients."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.trainer.progress import Progress, silent

_LARGEST_GRADIENT = 1.0
"""Gradients of a larger norm are scaled down to it: one bad batch cannot ruin the weights."""


class Fit:
    """Trains `net` for `epochs` epochs of `batches` updates, in one or more stages.

    The learning rate falls from `rate` to a hundredth of it along half a cosine over all
    epochs. `history` holds the mean loss of each epoch so far, `stages` the name of each
    stage and the number of epochs done at its end; `optimizer` is the Adam. Raises
    ElegansError for less than one epoch.
    """

    def __init__(
        self,
        net: nn.Module,
        *,
        epochs: int,
        batches: int,
        rate: float,
        progress: Progress = silent,
    ) -> None:
        if epochs < 1:
            raise ElegansError("training", f"{epochs} epochs", "give at least 1")
        self.history: list[float] = []
        self.stages: list[tuple[str, int]] = []
        self._net, self._epochs, self._batches = net, epochs, batches
        self._progress = progress
        self.optimizer = torch.optim.Adam(net.parameters(), lr=rate)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, epochs * batches, eta_min=rate / 100
        )

    def stage(self, name: str, until: int, loss: Callable[[], Tensor]) -> None:
        """Train until `until` epochs are done; `loss` draws a batch and returns its mean loss.

        Raises ElegansError when an epoch's mean loss is NaN or infinite.
        """
        while len(self.history) < until:
            total = 0.0
            for _ in range(self._batches):
                total += update(self._net, self.optimizer, loss())
                self._schedule.step()
            mean = total / self._batches
            if not math.isfinite(mean):
                raise ElegansError(
                    f"training, epoch {len(self.history) + 1}",
                    f"the loss became {mean}",
                    "try another seed",
                )
            self.history.append(mean)
            self._progress(name, len(self.history), self._epochs, f"loss {mean:.4f}")
        self.stages.append((name, len(self.history)))

    @property
    def updates_done(self) -> int:
        """In all epochs so far."""
        return len(self.history) * self._batches

    def state(self) -> dict[str, Any]:
        """What `go_on` needs besides the optimizer's own state, for JSON."""
        return {"history": self.history, "schedule": self._schedule.state_dict()}

    def go_on(self, state: dict[str, Any]) -> None:
        """Take up a training where `state` was asked for. Raises KeyError for another document."""
        self._schedule.load_state_dict(state["schedule"])
        for group, rate in zip(
            self.optimizer.param_groups, state["schedule"]["_last_lr"], strict=True
        ):
            group["lr"] = rate
        self.history = list(state["history"])


def update(net: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> float:
    """One step of `optimizer` down the clipped gradient of `loss`; its value."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(net.parameters(), _LARGEST_GRADIENT)
    optimizer.step()
    return float(loss.detach())


@contextlib.contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seed torch and use one thread inside the block; restore both for the caller behind it.

    With one thread, sums are computed in one order, so the same seed gives the same bits.
    Matrices of this size gain nothing from a second thread.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
