"""Errors for people: made from what a board did or failed to do.

Each function returns the error; ``place`` is the name of the port.
"""

from __future__ import annotations

from collections.abc import Callable

from elegans.hil_tests.wire.errors import HilError, Phase, RefusedError, UnansweredError
from elegans.hil_tests.wire.frames import VERSION, ErrorCode
from elegans.hil_tests.wire.messages import BadMessageError, Hello, Refusal

_FLASH = "flash firmware built by this version of elegans"

Locate = Callable[[int], str | None]
"""Gives the function and line at an address of the firmware, or None if unknown."""

# The bits of the Configurable Fault Status Register that give a cause (Armv7-M Architecture
# Reference Manual, B3.2.15). Bits that are not listed tell whether the address is valid.
_CFSR = {
    0: "execution not allowed there",
    1: "access not allowed there",
    3: "memory protection on exception return",
    4: "memory protection on exception entry (stack)",
    8: "bus error on instruction fetch",
    9: "bus error on data access",
    10: "imprecise bus error",
    11: "bus error on exception return",
    12: "bus error on exception entry (stack)",
    16: "undefined instruction",
    17: "invalid state (not Thumb)",
    18: "invalid exception return",
    19: "no such coprocessor",
    20: "stack overflow",
    24: "unaligned access",
    25: "division by zero",
}

# The causes of faults of RISC-V (Privileged Architecture, 3.1.15). Firmware for RISC-V reports the
# cause, with bit 31 set, as its status; in the register above that bit is always zero.
_OF_RISCV = 1 << 31
_MCAUSE = {
    0: "misaligned jump",
    1: "bus error on instruction fetch",
    2: "undefined instruction",
    3: "breakpoint",
    4: "misaligned load",
    5: "bus error on load",
    6: "misaligned store",
    7: "bus error on store",
    11: "call of the environment",
}

_REFUSALS = {
    ErrorCode.UNKNOWN_TYPE: (Phase.FAULT, "the board does not know this request"),
    ErrorCode.MALFORMED: (Phase.FAULT, "the board calls the request malformed"),
    ErrorCode.BAUD: (Phase.FAULT, "the board's clock cannot make this baud rate"),
    ErrorCode.COUNT: (Phase.FAULT, "the board calls the count out of range"),
}


def refused(place: str, kind: int, payload: bytes) -> HilError:
    """The board answered a request with ERROR."""
    try:
        code = Refusal.parse(payload).code
    except BadMessageError as error:
        return invalid_answer(place, f"an ERROR of {error}")
    if code in _REFUSALS:
        phase, fact = _REFUSALS[ErrorCode(code)]
    else:
        phase, fact = Phase.FAULT, f"the board answers with error {code}"
    return RefusedError(phase, place, f"{fact} (request 0x{kind:02x})", _FLASH, code)


def invalid_answer(place: str, what: str) -> HilError:
    """A frame with a correct CRC has contents that the protocol does not allow."""
    return HilError(Phase.FAULT, place, f"the board sent {what}", _FLASH)


def another_version(place: str, version: int) -> HilError:
    """The board answers in another version of the protocol: the side with the lower is older."""
    fact = f"the board speaks version {version} of the protocol, this elegans version {VERSION}"
    if version < VERSION:
        older = "the board's firmware is older"
        remedy = "flash the board again with this elegans"
    else:
        older = "this elegans is older"
        remedy = "upgrade elegans, or flash the board again with this one"
    return HilError(Phase.SYNC, place, f"{fact}: {older}", remedy)


def unsynchronised(place: str, within: float, received: int, damaged: int) -> HilError:
    """No HELLO was echoed. No bytes at all mean a dead line; others mean a wrong baud rate."""
    if not received:
        fact = f"nothing answers HELLO within {within:g} s, not a byte"
        remedy = "check port, power and baud rate, and that the board runs elegans firmware"
    else:
        fact = (
            f"no HELLO reply within {within:g} s; {received} bytes came, {damaged} damaged frames"
        )
        remedy = "check the baud rate, and that the board runs elegans firmware"
    return HilError(Phase.SYNC, place, fact, remedy)


def echo(place: str) -> HilError:
    """The request for a handshake itself came back, not its answer."""
    fact = "what is sent comes back: the line echoes, or its two ends are connected"
    remedy = "connect RX and TX of the adapter to TX and RX of the board; switch off the echo"
    return HilError(Phase.SYNC, place, fact, remedy)


def silent(place: str, kind: int) -> HilError:
    """The board answers neither a request nor HELLO any more."""
    fact = f"request 0x{kind:02x} stays unanswered, and HELLO does too"
    return HilError(Phase.TIMEOUT, place, fact, "check the cable; reset or power-cycle the board")


def unanswered(place: str, kind: int, hello: Hello) -> HilError:
    """A request was sent many times without an answer, though the board answers others."""
    fact = f"request 0x{kind:02x} stays unanswered however often, though the board answers HELLO"
    remedy = "ask for fewer steps at a time; look at the board's log"
    return UnansweredError(Phase.TIMEOUT, place, f"{fact} (last reset: {hello.reset})", remedy)


def another_board(place: str, before: Hello, after: Hello) -> HilError:
    """The port vanished and came back with another board or model behind it."""
    fact = f"came back as {after.board} with model {after.model_digest.hex()}"
    remedy = f"plug {before.board} in again, and start the run anew"
    return HilError(Phase.SYNC, place, fact, remedy)


def overrun(place: str, hello: Hello) -> HilError | None:
    """The error for a stack that was not large enough; None if it was, or is not measured."""
    if hello.stack_used <= hello.stack_reserved:
        return None
    fact = f"the stack of {hello.stack_reserved:,} bytes was overrun, and data were overwritten"
    remedy = "give the board's descriptor a larger memory.stack, or leave it out"
    return HilError(Phase.FAULT, place, fact, remedy)


def faulted(place: str, before: Hello | None, after: Hello, locate: Locate) -> HilError | None:
    """The error for a fault that ``after`` reports and ``before`` did not; None without one."""
    if not after.fault_pc or (before is not None and before.fault_pc == after.fault_pc):
        return None
    where = locate(after.fault_pc)
    # If the address is unknown, name the caller. The link register holds the return address
    # with bit 0 set for Thumb; the call is before it, and has at least 2 bytes.
    if where is None and (caller := locate((after.fault_lr & ~1) - 2)):
        where = f"what {caller} called"
    causes = _causes(after.fault_status)
    fact = f"the board faulted at 0x{after.fault_pc:08x}" + (f", in {where}" if where else "")
    status = f"status 0x{after.fault_status:08x}" + (f": {causes}" if causes else "")
    remedy = "correct that line" if where else "look the address up in the ELF with addr2line"
    fact = f"{fact} ({status}) and was reset ({after.reset})"
    return HilError(Phase.FAULT, place, fact, remedy)


def _causes(status: int) -> str:
    """What a fault's status says, in words; empty if it says nothing."""
    if status & _OF_RISCV:
        return _MCAUSE.get(status & ~_OF_RISCV, "")
    return ", ".join(cause for bit, cause in _CFSR.items() if status >> bit & 1)
