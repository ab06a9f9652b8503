"""From what a board did, or failed to do, to the error that a person reads."""

from __future__ import annotations

from elegans.hil_tests.errors import HilError, Phase, RefusedError
from elegans.hil_tests.messages import BadMessageError, Hello, Refusal
from elegans.hil_tests.protocol import VERSION, ErrorCode, Frame
from elegans.hil_tests.window import RETRIES

_FLASH = "flash firmware built by this version of elegans"

_REFUSALS = {
    ErrorCode.VERSION: (Phase.SYNC, "the board speaks another version of the protocol"),
    ErrorCode.UNKNOWN_TYPE: (Phase.FAULT, "the board does not know this request"),
    ErrorCode.MALFORMED: (Phase.FAULT, "the board calls the request malformed"),
    ErrorCode.COUNT: (Phase.FAULT, "the board calls the count out of range"),
}


def refused(place: str, kind: int, payload: bytes) -> HilError:
    """The board answered a request with ERROR."""
    try:
        code = Refusal.parse(payload).code
    except BadMessageError as error:
        return nonsense(place, f"an ERROR of {error}")
    if code in _REFUSALS:
        phase, fact = _REFUSALS[ErrorCode(code)]
    else:
        phase, fact = Phase.FAULT, f"the board answers with error {code}"
    return RefusedError(phase, place, f"{fact} (request 0x{kind:02x})", _FLASH, code)


def nonsense(place: str, what: str) -> HilError:
    """A frame with a good CRC says something that no board of this version says."""
    return HilError(Phase.FAULT, place, f"the board sent {what}", _FLASH)


def another_version(place: str, frame: Frame) -> HilError:
    fact = f"the board speaks version {frame.version} of the protocol, this host {VERSION}"
    return HilError(Phase.SYNC, place, fact, _FLASH)


def unsynchronised(place: str, within: float, came: int, damaged: int) -> HilError:
    """No HELLO was echoed: tell a dead line from a wrong baud rate."""
    if not came:
        fact = f"nothing answers HELLO within {within:g} s, not a byte"
        remedy = "check the port, the power, and that the board runs elegans firmware"
    else:
        fact = f"no HELLO reply within {within:g} s; {came} bytes came, {damaged} damaged frames"
        remedy = "check the baud rate, and that the board runs elegans firmware"
    return HilError(Phase.SYNC, place, fact, remedy)


def unanswered(place: str, kind: int, before: Hello | None, after: Hello | None) -> HilError:
    """A request ran out of repeats; ``after`` is what HELLO then gave, if anything."""
    fact = f"request 0x{kind:02x} stayed unanswered after {RETRIES} repeats"
    if after is None:
        remedy = "check the cable; reset or power-cycle the board"
        return HilError(Phase.TIMEOUT, place, f"{fact}, and HELLO does too", remedy)
    return faulted(place, before, after) or HilError(
        Phase.TIMEOUT,
        place,
        f"{fact}, though the board answers HELLO (last reset: {after.reset})",
        "ask for fewer steps at a time; look at the board's log",
    )


def faulted(place: str, before: Hello | None, after: Hello) -> HilError | None:
    """The error for a fault that ``after`` reports and ``before`` did not."""
    if not after.fault_pc or (before is not None and before.fault_pc == after.fault_pc):
        return None
    return HilError(
        Phase.FAULT,
        place,
        f"the board faulted at 0x{after.fault_pc:08x} (status 0x{after.fault_status:08x})"
        f" and was reset ({after.reset})",
        "look the address up in the ELF with addr2line",
    )
