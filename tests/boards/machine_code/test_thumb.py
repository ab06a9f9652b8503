"""Lengths of Thumb instructions."""

from __future__ import annotations

import pytest

from elegans.boards.machine_code.thumb import instruction_addresses, instruction_size


@pytest.mark.parametrize("first_five_bits", range(32))
def test_an_instruction_has_four_bytes_if_it_begins_with_11101_11110_or_11111(first_five_bits):
    for rest in (0, 0x7FF):
        code = (first_five_bits << 11 | rest).to_bytes(2, "little")
        assert instruction_size(code) == (4 if first_five_bits >= 0b11101 else 2)


def test_the_addresses_of_a_block_follow_the_lengths_of_its_instructions():
    nop, branch_with_link, return_ = "00bf", "00f000f8", "7047"
    code = bytes.fromhex(nop + branch_with_link + nop + return_)
    assert instruction_addresses(code, 0x100) == [0x100, 0x102, 0x106, 0x108]
