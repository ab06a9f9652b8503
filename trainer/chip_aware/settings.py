"""What is asked of the training on the device's integers; importing this imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from elegans.exporter.cost.cores import CORES
from elegans.exporter.errors import WrongUseError

INTEGERS = ("int8", "int16")
LIMITS = ("max_synapses", "max_instructions", "max_flash")


@dataclass(frozen=True, kw_only=True)
class ChipSettings:
    """Fine-tuning on the device's integers after a training.

    qat            int8 or int16: the weights on whose integers it is done; "" not to
    calm           how much of the network's amplification of noise is added to the loss
    max_synapses, max_instructions, max_flash
                   limits of the finished network, with `core` as `limits.Limits` takes them; None
                   for no limit

    All others need `qat`. Raises `WrongUseError` for a value out of its range.
    """

    qat: str = ""
    calm: float = 0.0
    max_synapses: int | None = None
    max_instructions: int | None = None
    max_flash: int | None = None
    core: str = "m4"

    def __post_init__(self) -> None:
        """Raise `WrongUseError` for a value out of its range."""
        for name, choices in (("qat", ("", *INTEGERS)), ("core", tuple(CORES))):
            if getattr(self, name) not in choices:
                known = ", ".join(filter(None, choices))
                raise wrong(name, repr(getattr(self, name)), f"choose from {known}")
        needs = "give --qat int8 or int16 as well"
        for name in LIMITS:
            most = getattr(self, name)
            if most is not None and (most < 1 or not self.qat):
                raise wrong(name, str(most), "give at least 1" if self.qat else needs)
        if self.calm and not (0 < self.calm < float("inf") and self.qat):
            raise wrong("calm", f"{self.calm:g}", "give 0 or more" if self.qat else needs)

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return any(getattr(self, name) is not None for name in LIMITS)


def wrong(name: str, fact: str, remedy: str) -> WrongUseError:
    """The error of an option by its field's name."""
    return WrongUseError(f"--{name.replace('_', '-')}", fact, remedy)
