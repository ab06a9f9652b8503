"""Decoded RISC-V instructions are those that capstone, an independent decoder, finds."""

from __future__ import annotations

import re

import numpy as np
import pytest

capstone = pytest.importorskip("capstone", reason="capstone is not installed")

from elegans.boards.machine_code.riscv import Operation, decode, instruction_addresses

_ENGINE = capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC)
_OPCODES = (0x03, 0x0F, 0x13, 0x17, 0x23, 0x33, 0x37, 0x63, 0x67, 0x6F)
# What a short instruction, or a name for people, stands for.
_LONG = {
    "c.li": "addi",
    "c.nop": "addi",
    "c.addi16sp": "addi",
    "c.addi4spn": "addi",
    "c.lwsp": "lw",
    "c.swsp": "sw",
    "c.j": "jal",
    "c.jr": "jalr",
    "c.mv": "add",
    "c.beqz": "beq",
    "c.bnez": "bne",
    "nop": "addi",
    "li": "addi",
    "mv": "addi",
    "not": "xori",
    "neg": "sub",
    "seqz": "sltiu",
    "snez": "sltu",
    "sltz": "slt",
    "sgtz": "slt",
    "beqz": "beq",
    "bnez": "bne",
    "blez": "bge",
    "bgez": "bge",
    "bltz": "blt",
    "bgtz": "blt",
    "j": "jal",
    "jr": "jalr",
    "ret": "jalr",
}
_SAVED = [f"s{i}" for i in range(12)]
_ABI = [*("zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2"), *_SAVED[:2]]
_ABI += [*(f"a{i}" for i in range(8)), *_SAVED[2:], *("t3", "t4", "t5", "t6")]
_NAMES = {name: number for number, name in enumerate(_ABI)}


def _same(one: Operation, theirs: object) -> bool:
    """Whether both name the same instruction, registers and constant."""
    name = _LONG.get(theirs.mnemonic, theirs.mnemonic.removeprefix("c."))
    words = re.findall(r"-?\w+", theirs.op_str)
    registers = [_NAMES[word] for word in words if word in _NAMES]
    numbers = [int(word, 0) for word in words if word not in _NAMES and re.match(r"-?\d", word)]
    mine = {one.rd, one.rs1, one.rs2}
    implied = {0, 1, 2} if theirs.size == 2 or theirs.mnemonic in _LONG else {0, 1}
    constant = one.imm if one.name not in ("lui", "auipc") else one.imm >> 12
    close = {constant, constant - (1 << 20), constant & 0xFFFFF}
    return (
        one.name == name
        and set(registers) - {0} <= mine <= set(registers) | implied
        and (not numbers or one.name == "fence" or bool(close & set(numbers)))
    )


@pytest.mark.parametrize("size", [2, 4])
def test_every_instruction_is_the_one_that_another_decoder_finds(size):
    rng = np.random.default_rng(5)
    words = range(1 << 16) if size == 2 else rng.integers(0, 1 << 32, 20_000).tolist()
    compared = set()
    for word in words:
        if size == 4:
            word = word & ~0x7F | _OPCODES[word % len(_OPCODES)]
            word &= ~(0xFE << 24) | (rng.choice([0, 2, 64, 254]) << 24)
        elif word & 3 == 3:
            continue
        code = int(word).to_bytes(size, "little")
        one = decode(code)
        theirs = next(_ENGINE.disasm(code, 0), None)
        if one.name and theirs is not None:
            assert _same(one, theirs), (code.hex(), one.text, theirs.mnemonic, theirs.op_str)
            compared.add(one.name)
        assert one.size == size
    assert len(compared) >= (16 if size == 2 else 38), compared


def test_lengths_follow_from_the_lowest_bits():
    code = bytes.fromhex("010013050500828073005010")
    assert instruction_addresses(code, 0x100) == [0x100, 0x102, 0x106, 0x108]
    assert decode(code[8:]).name == "wfi"
    assert decode(b"\0\0").name == ""
