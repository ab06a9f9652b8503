"""Losses for TensorBoard, if its optional package is there."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from elegans.exporter.errors import ElegansError


class Log(Protocol):
    """(epoch, values by name): called at the end of every epoch."""

    def __call__(self, epoch: int, values: Mapping[str, float]) -> None:
        """Record the values of an epoch."""


def no_log(epoch: int, values: Mapping[str, float]) -> None:
    """A `Log` that records nothing."""


@contextmanager
def tensorboard_log(folder: Path | None) -> Iterator[Log]:
    """A `Log` that writes event files to `folder`, or nothing where that is None.

    Raises ElegansError if the package tensorboard is missing.
    """
    if folder is None:
        yield no_log
        return
    require_tensorboard()
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))

    def log(epoch: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, epoch)
        writer.flush()

    try:
        yield log
    finally:
        writer.close()


def require_tensorboard() -> None:
    """Raise ElegansError if the package tensorboard is missing."""
    if importlib.util.find_spec("tensorboard") is None:
        raise ElegansError(
            "--tensorboard",
            "the package tensorboard is missing",
            "pip install 'elegans[tensorboard]'",
        )
