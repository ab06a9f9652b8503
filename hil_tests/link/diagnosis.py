"""From what a board did, or failed to do, to the error that a person reads."""

from __future__ import annotations

from collections.abc import Callable

from elegans.hil_tests.wire.errors import HilError, Phase, RefusedError, UnansweredError
from elegans.hil_tests.wire.frames import VERSION, ErrorCode, Frame
from elegans.hil_tests.wire.messages import BadMessageError, Hello, Refusal

_FLASH = "flash firmware built by this version of elegans"

Locate = Callable[[int], str | None]
"""From an address to the function and line there, if anybody knows."""

# The bits of CFSR that say what went wrong (Armv7-M ARM, B3.2.15); the others say where.
_CFSR = {
    0: "no execution allowed there",
    1: "no access allowed there",
    3: "protected memory on return",
    4: "protected memory under the stack",
    8: "nothing to execute there",
    9: "nothing at that address",
    10: "a late bus error",
    11: "a bus error on return",
    12: "a bus error under the stack",
    16: "undefined instruction",
    17: "not Thumb state",
    18: "bad return",
    19: "no such coprocessor",
    20: "stack overflow",
    24: "unaligned access",
    25: "division by zero",
}

_REFUSALS = {
    ErrorCode.VERSION: (Phase.SYNC, "the board speaks another version of the protocol"),
    ErrorCode.UNKNOWN_TYPE: (Phase.FAULT, "the board does not know this request"),
    ErrorCode.MALFORMED: (Phase.FAULT, "the board calls the request malformed"),
    ErrorCode.BAUD: (Phase.FAULT, "the board's clock cannot make this rate"),
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
        remedy = "check port, power and baud rate, and that the board runs elegans firmware"
    else:
        fact = f"no HELLO reply within {within:g} s; {came} bytes came, {damaged} damaged frames"
        remedy = "check the baud rate, and that the board runs elegans firmware"
    return HilError(Phase.SYNC, place, fact, remedy)


def silent(place: str, kind: int) -> HilError:
    """Neither a request nor HELLO is answered any more."""
    fact = f"request 0x{kind:02x} stays unanswered, and HELLO does too"
    return HilError(Phase.TIMEOUT, place, fact, "check the cable; reset or power-cycle the board")


def unanswered(place: str, kind: int, hello: Hello) -> HilError:
    """A request was sent again and again in vain, though the board answers others."""
    fact = f"request 0x{kind:02x} stays unanswered however often, though the board answers HELLO"
    remedy = "ask for fewer steps at a time; look at the board's log"
    return UnansweredError(Phase.TIMEOUT, place, f"{fact} (last reset: {hello.reset})", remedy)


def stranger(place: str, before: Hello, after: Hello) -> HilError:
    """The port came back with another board or model behind it."""
    fact = f"came back as {after.board} with model {after.model_digest.hex()}"
    remedy = f"plug {before.board} in again, and start the run anew"
    return HilError(Phase.SYNC, place, fact, remedy)


def faulted(place: str, before: Hello | None, after: Hello, locate: Locate) -> HilError | None:
    """The error for a fault that ``after`` reports and ``before`` did not."""
    if not after.fault_pc or (before is not None and before.fault_pc == after.fault_pc):
        return None
    where = locate(after.fault_pc)
    # The link register points, with bit 0 for Thumb, behind the instruction that called.
    if where is None and (caller := locate((after.fault_lr & ~1) - 2)):
        where = f"what {caller} called"
    causes = ", ".join(cause for bit, cause in _CFSR.items() if after.fault_status >> bit & 1)
    fact = f"the board faulted at 0x{after.fault_pc:08x}" + (f", in {where}" if where else "")
    status = f"status 0x{after.fault_status:08x}" + (f": {causes}" if causes else "")
    remedy = "correct that line" if where else "look the address up in the ELF with addr2line"
    fact = f"{fact} ({status}) and was reset ({after.reset})"
    return HilError(Phase.FAULT, place, fact, remedy)
