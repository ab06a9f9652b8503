"""How Thumb instructions are encoded: their lengths, and the names of their conditions."""

from __future__ import annotations

# In the order of their numbers, 0 to 14: each even one is followed by its opposite.
# (Armv7-M manual, A7.3.)
CONDITIONS = (
    *("eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc"),
    *("hi", "ls", "ge", "lt", "gt", "le", "al"),
)


def instruction_size(code: bytes) -> int:
    """The bytes, 2 or 4, of the instruction with which ``code`` begins.

    An instruction has 32 bits if the first five bits of its first halfword are 0b11101,
    0b11110 or 0b11111 (Armv7-M manual, A5.1): its second byte is 0b11101000 = 0xE8 or more.
    """
    return 4 if code[1] >= 0xE8 else 2


def instruction_addresses(code: bytes, start: int) -> list[int]:
    """The address of each instruction of ``code``, whose first one is at ``start``."""
    offset, addresses = 0, []
    while offset < len(code):
        addresses.append(start + offset)
        offset += instruction_size(code[offset : offset + 2])
    return addresses
