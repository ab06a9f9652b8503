"""Decodes RISC-V instructions: RV32I, M, Zicsr and C, as The RISC-V Instruction Set Manual,
volume I, has them. An instruction of 16 bits is decoded as the one that it is short for."""

from __future__ import annotations

from dataclasses import dataclass

RA, SP, ALTERNATE_RA, FRAME_POINTER = 1, 2, 5, 8
LOADS = {"lb": 1, "lh": 2, "lw": 4, "lbu": 1, "lhu": 2}
"""The bytes that each load reads."""
STORES = {"sb": 1, "sh": 2, "sw": 4}
"""The bytes that each store writes."""
BRANCHES = frozenset(("beq", "bne", "blt", "bge", "bltu", "bgeu"))
"""Branches under a condition."""

_BY_FUNCT3 = {
    0x03: ("lb", "lh", "lw", "", "lbu", "lhu", "", ""),
    0x23: ("sb", "sh", "sw", "", "", "", "", ""),
    0x63: ("beq", "bne", "", "", "blt", "bge", "bltu", "bgeu"),
    0x13: ("addi", "slli", "slti", "sltiu", "xori", "srli", "ori", "andi"),
    0x73: ("", "csrrw", "csrrs", "csrrc", "", "csrrwi", "csrrsi", "csrrci"),
}
_OF_REGISTERS = {
    0x00: ("add", "sll", "slt", "sltu", "xor", "srl", "or", "and"),
    0x20: ("sub", "", "", "", "", "sra", "", ""),
    0x01: ("mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu"),
}
_SYSTEM = {0x000: "ecall", 0x001: "ebreak", 0x105: "wfi", 0x302: "mret"}


@dataclass(frozen=True)
class Operation:
    """A decoded instruction of ``size`` bytes: its name, registers and constant.

    A register that the instruction does not have is 0, as is the register that is always zero.
    The constant of a branch is relative to its address; that of a control and status register's
    instruction is the number of that register. The name is "" for what is no instruction of
    these.
    """

    size: int
    name: str = ""
    rd: int = 0
    rs1: int = 0
    rs2: int = 0
    imm: int = 0

    @property
    def text(self) -> str:
        """As in a listing: `addi x2, x2, -16`."""
        named = [f"x{r}" for r in (self.rd, self.rs1, self.rs2) if r]
        return f"{self.name} {', '.join([*named, str(self.imm)] if self.imm else named)}".strip()


def instruction_size(code: bytes) -> int:
    """The bytes, 2 or 4, of the instruction with which ``code`` begins: one of 32 bits has both
    lowest bits set."""
    return 4 if code[0] & 3 == 3 else 2


def instruction_addresses(code: bytes, start: int) -> list[int]:
    """The address of each instruction of ``code``, whose first one is at ``start``."""
    offset, addresses = 0, []
    while offset < len(code):
        addresses.append(start + offset)
        offset += instruction_size(code[offset : offset + 2])
    return addresses


def decode(code: bytes) -> Operation:
    """The instruction with which ``code`` begins."""
    if instruction_size(code) == 2:
        return _short(int.from_bytes(code[:2], "little"))
    return _long(int.from_bytes(code[:4], "little"))


def _long(word: int) -> Operation:
    opcode, funct3, funct7 = word & 0x7F, word >> 12 & 7, word >> 25
    rd, rs1, rs2 = word >> 7 & 31, word >> 15 & 31, word >> 20 & 31
    imm = _signed(word >> 20, 12)
    if opcode in (0x37, 0x17):
        return Operation(4, "lui" if opcode == 0x37 else "auipc", rd, imm=word & 0xFFFF_F000)
    if opcode == 0x6F:
        offset = _bits(word, (31, 1, 20), (19, 8, 12), (20, 1, 11), (30, 10, 1))
        return Operation(4, "jal", rd, imm=_signed(offset, 21))
    if opcode == 0x67 and funct3 == 0:
        return Operation(4, "jalr", rd, rs1, imm=imm)
    if opcode == 0x63:
        offset = _bits(word, (31, 1, 12), (7, 1, 11), (30, 6, 5), (11, 4, 1))
        return Operation(4, _BY_FUNCT3[0x63][funct3], 0, rs1, rs2, _signed(offset, 13))
    if opcode == 0x23:
        return Operation(4, _BY_FUNCT3[0x23][funct3], 0, rs1, rs2, imm & -32 | rd)
    if opcode == 0x03:
        return Operation(4, _BY_FUNCT3[0x03][funct3], rd, rs1, imm=imm)
    if opcode == 0x13:
        right = funct3 == 5 and funct7 == 0x20
        shift = funct3 in (1, 5)
        name = "srai" if right else _BY_FUNCT3[0x13][funct3]
        known = not shift or right or funct7 == 0
        return Operation(4, name if known else "", rd, rs1, imm=rs2 if shift else imm)
    if opcode == 0x33:
        return Operation(4, _OF_REGISTERS.get(funct7, [""] * 8)[funct3], rd, rs1, rs2)
    if opcode == 0x0F:
        return Operation(4, "fence")
    if opcode == 0x73 and funct3 == 0:
        return Operation(4, _SYSTEM.get(word >> 20, ""))
    if opcode == 0x73:  # with a constant instead of a register if bit 2 of funct3 is set
        source = 0 if funct3 & 4 else rs1
        return Operation(4, _BY_FUNCT3[0x73][funct3], rd, source, imm=word >> 20)
    return Operation(4)


def _short(code: int) -> Operation:
    quadrant, funct3 = code & 3, code >> 13
    full, low, high = code >> 7 & 31, 8 + (code >> 2 & 7), 8 + (code >> 7 & 7)
    other = code >> 2 & 31
    imm6 = _signed(_bits(code, (12, 1, 5), (6, 5, 0)), 6)
    jump = _bits(code, *((12, 1, 11), (11, 1, 4), (10, 2, 8), (8, 1, 10)))
    jump = _signed(jump | _bits(code, (7, 1, 6), (6, 1, 7), (5, 3, 1), (2, 1, 5)), 12)
    branch = _signed(_bits(code, (12, 1, 8), (11, 2, 3), (6, 2, 6), (4, 2, 1), (2, 1, 5)), 9)
    word = _bits(code, (12, 3, 3), (6, 1, 2), (5, 1, 6))  # the offset of c.lw and c.sw
    if quadrant == 0 and code:
        frame = _bits(code, (12, 2, 4), (10, 4, 6), (6, 1, 2), (5, 1, 3))
        return {
            0: Operation(2, "addi" if frame else "", low, SP, imm=frame),
            2: Operation(2, "lw", low, high, imm=word),
            6: Operation(2, "sw", 0, high, low, word),
        }.get(funct3, Operation(2))
    if quadrant == 1:
        if funct3 == 3 and full == SP:
            moved = _bits(code, (12, 1, 9), (6, 1, 4), (5, 1, 6), (4, 2, 7), (2, 1, 5))
            return Operation(2, "addi", SP, SP, imm=_signed(moved, 10))
        return (
            Operation(2, "addi", full, full, imm=imm6),
            Operation(2, "jal", RA, imm=jump),
            Operation(2, "addi", full, 0, imm=imm6),
            Operation(2, "lui", full, imm=imm6 << 12 & 0xFFFF_F000),
            _arithmetic(code, low, high, imm6),
            Operation(2, "jal", 0, imm=jump),
            Operation(2, "beq", 0, high, 0, branch),
            Operation(2, "bne", 0, high, 0, branch),
        )[funct3]
    if quadrant == 2:
        load = _bits(code, (12, 1, 5), (6, 3, 2), (3, 2, 6))
        store = _bits(code, (12, 4, 2), (8, 2, 6))
        return {
            0: Operation(2, "slli" if imm6 >= 0 else "", full, full, imm=imm6),
            2: Operation(2, "lw", full, SP, imm=load),
            4: _moves(code, full, other),
            6: Operation(2, "sw", 0, SP, other, store),
        }.get(funct3, Operation(2))
    return Operation(2)


def _arithmetic(code: int, low: int, high: int, imm6: int) -> Operation:
    """Of quadrant 1: shifts, andi, and operations of two registers."""
    kind = code >> 10 & 3
    if kind == 3:
        name = ("sub", "xor", "or", "and")[code >> 5 & 3] if not code >> 12 & 1 else ""
        return Operation(2, name, high, high, low)
    name = ("srli", "srai", "andi")[kind]
    known = kind == 2 or imm6 >= 0  # RV32 shifts by 31 at most
    return Operation(2, name if known else "", high, high, imm=imm6)


def _moves(code: int, full: int, other: int) -> Operation:
    """Of quadrant 2: jumps to a register, mv, add and ebreak."""
    second = bool(code >> 12 & 1)
    if other:
        return Operation(2, "add", full, full if second else 0, other)
    if full:
        return Operation(2, "jalr", RA if second else 0, full)
    return Operation(2, "ebreak" if second else "")


def _bits(code: int, *parts: tuple[int, int, int]) -> int:
    """The number whose bits are scattered over ``code``: ``(top, width, to)`` are ``width`` bits
    from ``top`` downward, the lowest of which is bit ``to`` of the result."""
    found = 0
    for top, width, to in parts:
        found |= (code >> top - width + 1 & (1 << width) - 1) << to
    return found


def _signed(value: int, bits: int) -> int:
    return value - (value >> bits - 1 << bits)
