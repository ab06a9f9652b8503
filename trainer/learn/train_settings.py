"""How a network is built and trained: one value for each option of `elegans train DATA`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from elegans.exporter.cost.estimate import CORES
from elegans.exporter.errors import WrongUseError
from elegans.trainer.data.augment import Augmentation

CELLS = ("cfc", "ltc", "ctrnn", "gru", "lstm", "mlp")
WIRED = ("cfc", "ltc")
OPTIMIZERS = ("adam", "adamw", "sgd")
CLASS_WEIGHTS = ("none", "balanced")
WIRINGS = ("ncp", "dense")
INTEGERS = ("int8", "int16")
LIMITS = ("max_synapses", "max_instructions", "max_flash")
AFTERWARDS = ("epochs", "patience", "qat", "core", *LIMITS)
"""What may differ when a training is resumed: it changes nothing that was done so far."""


@dataclass(frozen=True)
class TrainSettings:
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
    qat            int8 or int16: fine-tune on the device's integers after the training; "" not to
    max_synapses, max_instructions, max_flash
                   limits of the finished network, with `core` as `chip_aware.limits.Limits` takes
                   them; None for no limit. They need `qat`
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
    qat: str = ""
    max_synapses: int | None = None
    max_instructions: int | None = None
    max_flash: int | None = None
    core: str = "m4"

    def __post_init__(self) -> None:
        """Raise `WrongUseError` for a value out of its range."""
        for name, choices in (
            ("cell", CELLS),
            ("optimizer", OPTIMIZERS),
            ("class_weights", CLASS_WEIGHTS),
            ("qat", ("", *INTEGERS)),
            ("core", tuple(CORES)),
        ):
            if getattr(self, name) not in choices:
                raise _wrong(
                    name,
                    repr(getattr(self, name)),
                    f"choose from {', '.join(filter(None, choices))}",
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
        for name in LIMITS:
            most = getattr(self, name)
            if most is not None and (most < 1 or not self.qat):
                remedy = "give at least 1" if self.qat else "give --qat int8 or int16 as well"
                raise _wrong(name, str(most), remedy)
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


def _wrong(name: str, fact: str, remedy: str) -> WrongUseError:
    return WrongUseError(f"--{name.replace('_', '-')}", fact, remedy)
