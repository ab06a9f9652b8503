"""What can go wrong between a host and a board, each failure with the phase it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from elegans.exporter.errors import ElegansError


class Phase(StrEnum):
    """Where a run ended. Only MISMATCH speaks about the product, the others about the rig."""

    BUILD = "BUILD"
    FLASH = "FLASH"
    SYNC = "SYNC"
    TIMEOUT = "TIMEOUT"
    FAULT = "FAULT"
    MISMATCH = "MISMATCH"


class HilError(ElegansError):
    """An `ElegansError` that also says in which phase of a run it happened."""

    def __init__(self, phase: Phase, place: object, fact: str, remedy: str) -> None:
        super().__init__(place, fact, remedy)
        self.phase = phase


class RefusedError(HilError):
    """The board answered with an ERROR frame; ``code`` is a `protocol.ErrorCode` or a bare int."""

    def __init__(self, phase: Phase, place: object, fact: str, remedy: str, code: int) -> None:
        super().__init__(phase, place, fact, remedy)
        self.code = code


class UnansweredError(HilError):
    """One request stays unanswered (TIMEOUT) by a board that answers others: a shorter one
    may get through."""


@contextmanager
def during(phase: Phase) -> Iterator[None]:
    """Give every `ElegansError` from inside a phase, unless it already names one of its own."""
    try:
        yield
    except HilError:
        raise
    except ElegansError as error:
        own = getattr(error, "phase", phase)
        raise HilError(Phase(own), error.place, error.fact, error.remedy) from error
