"""What an error comes from and what would help, as a report and a BUILD state it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Blame:
    """The vector that adds most to the worst error, and what would help.

    vector    its name in the model
    share     the error that it causes alone, as a fraction of the range that a state uses
    cause     what is wrong with it
    remedy    what brings it nearer to float
    doubling  the steps in which a difference of two states doubles; None where it does not grow
    grown     the factor by which one grows at most in the run before the worst error; None where
              that is less than 4
    """

    vector: str
    share: float
    cause: str
    remedy: str
    doubling: float | None
    grown: float | None = None

    @property
    def sentence(self) -> str:
        """The vector, its share and the cause."""
        return f"{self.vector} alone causes {self.share:.1e}: {self.cause}"

    @property
    def remedies(self) -> tuple[str, ...]:
        """The remedy for the vector, and that for a network that amplifies its own rounding."""
        if self.doubling is not None:
            fact = f"doubles every {self.doubling:.2g} steps"
        elif self.grown is not None:
            fact = f"grows {self.grown:.2g} times in this run"
        else:
            return (self.remedy,)
        return (
            self.remedy,
            f"the network amplifies its own rounding (a difference of two states {fact}): train "
            "with a little noise on the states, with label smoothing, or through the device's "
            "integers",
        )


def to_json(blame: Blame | None) -> dict[str, Any] | None:
    """The same as plain data, with two significant digits: libm may round the last ones."""
    if blame is None:
        return None
    numbers = {name: getattr(blame, name) for name in ("share", "doubling", "grown")}
    return asdict(blame) | {n: v if v is None else float(f"{v:.1e}") for n, v in numbers.items()}
