"""How a network is built and trained: one value for each option of `elegans train DATA`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from elegans.trainer.chip_aware.settings import LIMITS, ChipSettings
from elegans.trainer.chip_aware.settings import wrong as _wrong
from elegans.trainer.data.augment import Augmentation

CELLS = ("cfc", "ltc", "ctrnn", "gru", "lstm", "mlp")
WIRED = ("cfc", "ltc")
OPTIMIZERS = ("adam", "adamw", "sgd")
CLASS_WEIGHTS = ("none", "balanced")
WIRINGS = ("ncp", "dense")
AFTERWARDS = ("epochs", "patience", "qat", "calm", "core", *LIMITS)
"""What may differ when a training is resumed: it changes nothing that was done so far."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings(ChipSettings):
    """All of them together with the data determine every byte that is written.

    cell           one of `CELLS`
    neurons        of the network; units of a GRU or LSTM, hidden units of an MLP
    wiring         ncp, ncp:SPARSITY (0.1 nearly dense to 1.0) or dense; "" for ncp where the cell
                   can be wired
    seed           0 to 2^32 - 1
    epochs         at most so many
    optimizer      one of `OPTIMIZERS`
    lr             the learning rate of the first update; it falls along half a cosine to a
                   hundredth of this
    weight_decay   as torch.optim takes it
    patience       training ends after so many epochs without a lower loss on the validation part
    class_weights  none, or balanced: each class counts as much as any other
    augmentation   of the training part
    window         samples of a training window; recordings are cut to windows, unless each is
                   decided as a whole
    batch          windows in an update
    carry          whether a window begins in the state behind the one before it
    others         of `ChipSettings`
    """

    cell: str = "cfc"
    neurons: int = 32
    wiring: str = ""
    seed: int = 1
    epochs: int = 60
    optimizer: str = "adam"
    lr: float = 0.01
    weight_decay: float = 0.0
    patience: int = 15
    class_weights: str = "none"
    augmentation: Augmentation = field(default_factory=Augmentation)
    window: int = 64
    batch: int = 32
    carry: bool = False

    def __post_init__(self) -> None:
        """Raise `WrongUseError` for a value out of its range."""
        super().__post_init__()
        for name, choices in (
            ("cell", CELLS),
            ("optimizer", OPTIMIZERS),
            ("class_weights", CLASS_WEIGHTS),
        ):
            if getattr(self, name) not in choices:
                raise _wrong(
                    name,
                    repr(getattr(self, name)),
                    f"choose from {', '.join(choices)}",
                )
        for name, least in (
            ("neurons", 1),
            ("epochs", 1),
            ("patience", 1),
            ("window", 2),
            ("batch", 1),
        ):
            if getattr(self, name) < least:
                raise _wrong(name, str(getattr(self, name)), f"give at least {least}")
        if not 0 < self.lr < float("inf"):
            raise _wrong("lr", f"{self.lr:g}", "give a rate above 0")
        if not 0 <= self.weight_decay < float("inf"):
            raise _wrong("weight_decay", f"{self.weight_decay:g}", "give 0 or more")
        if not 0 <= self.seed < 2**32:
            raise _wrong("seed", str(self.seed), "give 0 to 4294967295")
        if self.wiring and self.sparsity is None and self.wiring != "dense":
            raise _wrong("wiring", repr(self.wiring), "give ncp, ncp:0.5 or dense")
        if self.wiring.startswith("ncp") and self.cell not in WIRED:
            raise _wrong(
                "wiring", f"a {self.cell} is dense", "leave it out, or choose --cell cfc or ltc"
            )

    @property
    def wired(self) -> bool:
        """Whether the network is an NCP circuit."""
        return self.cell in WIRED and self.wiring != "dense"

    @property
    def sparsity(self) -> float | None:
        """The sparsity of the circuit, 0.1 to 1; None for another wiring."""
        kind, _, level = (self.wiring or "ncp").partition(":")
        try:
            sparsity = float(level or 0.5)
        except ValueError:
            return None
        return sparsity if kind == "ncp" and 0.1 <= sparsity <= 1.0 else None

    def as_dict(self) -> dict[str, Any]:
        """All values by name, for JSON."""
        return asdict(self)
