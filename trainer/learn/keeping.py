"""What a training writes while it runs, and how it says that it was stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from elegans.exporter.errors import ElegansError


@dataclass(frozen=True)
class Keeping:
    """What a training writes while it runs.

    folder       for checkpoints
    resume       whether to go on from the last one there
    tensorboard  the folder of TensorBoard's logs, or None
    """

    folder: Path
    resume: bool = False
    tensorboard: Path | None = None


@dataclass(frozen=True)
class Store:
    """Where checkpoints are kept, and whether to go on from the last one.

    name    of the network: `NAME_last.safetensors` is the present state, and
            `NAME_best.safetensors` has the weights with the lowest loss on the validation part
    digest  of the data and of their split
    """

    folder: Path
    name: str
    digest: str
    resume: bool = False

    @property
    def last(self) -> Path:
        """The file of the present state."""
        return self.folder / f"{self.name}_last.safetensors"

    @property
    def best(self) -> Path:
        """The file of the best weights so far."""
        return self.folder / f"{self.name}_best.safetensors"

    def forget(self) -> None:
        """Remove both files of an earlier training."""
        for path in (self.last, self.best):
            path.unlink(missing_ok=True)


class StoppedError(ElegansError):
    """The user stopped the training by Ctrl-C."""

    exit_code = 130
