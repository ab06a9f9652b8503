"""The errors of a test run on a board; each names the phase in which the run ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from elegans.exporter.errors import ElegansError, WrongUseError


class Phase(StrEnum):
    """The phase in which a run ended.

    Only MISMATCH means that the board computed something wrong. All others mean that the test
    setup failed: toolchain, probe, cable, port, firmware or counter.
    """

    BUILD = "BUILD"
    FLASH = "FLASH"
    SYNC = "SYNC"
    TIMEOUT = "TIMEOUT"
    FAULT = "FAULT"
    COUNTER = "COUNTER"
    MISMATCH = "MISMATCH"


class HilError(ElegansError):
    """An `ElegansError` that also says in which phase of a run it happened.

    The exit code is 1 for a wrong bit and 3 if the test setup failed.
    """

    def __init__(self, phase: Phase, place: object, fact: str, remedy: str) -> None:
        super().__init__(place, fact, remedy)
        self.phase = phase
        self.exit_code = 1 if phase is Phase.MISMATCH else 3


class RefusedError(HilError):
    """The board answered with an ERROR frame; ``code`` is a `frames.ErrorCode`, or an int that
    this host does not know."""

    def __init__(self, phase: Phase, place: object, fact: str, remedy: str, code: int) -> None:
        super().__init__(phase, place, fact, remedy)
        self.code = code


class UnansweredError(HilError):
    """The board leaves one request unanswered (TIMEOUT) though it answers others. A shorter
    request may get through."""


@contextmanager
def during(phase: Phase) -> Iterator[None]:
    """Turn each `ElegansError` raised inside the ``with`` block into a `HilError` of ``phase``.

    An error that has a phase of its own keeps it, and a wrong use has none.
    """
    try:
        yield
    except (HilError, WrongUseError):
        raise
    except ElegansError as error:
        own = getattr(error, "phase", phase)
        raise HilError(Phase(own), error.place, error.fact, error.remedy) from error
