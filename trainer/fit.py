"""The training loop every task shares: Adam, a falling rate, clipped gradients, a history."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.trainer.progress import Progress, silent

_CLIP = 1.0


class Fit:
    """Trains `net` for `epochs` of `batches` steps in all, in one or more stages.

    The rate falls from `rate` to a hundredth of it along a half cosine over the whole of
    the training; `history` holds the mean loss of each epoch done so far, `stages` the name of
    each stage and the epoch at which it ended.
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
        self._adam = torch.optim.Adam(net.parameters(), lr=rate)
        self._fall = torch.optim.lr_scheduler.CosineAnnealingLR(
            self._adam, epochs * batches, eta_min=rate / 100
        )

    def stage(self, name: str, until: int, loss: Callable[[], Tensor]) -> None:
        """Train up to epoch `until`; `loss` draws a batch and returns its mean loss.

        Raises ElegansError when the loss stops being a number.
        """
        while len(self.history) < until:
            total = 0.0
            for _ in range(self._batches):
                self._adam.zero_grad(set_to_none=True)
                value = loss()
                value.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(self._net.parameters(), _CLIP)
                self._adam.step()
                self._fall.step()
                total += float(value.detach())
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


@contextlib.contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """The same numbers for the same seed; the caller's own random state stays as it was.

    One thread: sums come in one order, and matrices this small gain nothing from two.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
