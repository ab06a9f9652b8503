"""Taint tracking: how taint spreads, which instructions are found, and which are accepted."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("capstone", reason="capstone is not installed")
pytest.importorskip("unicorn", reason="unicorn is not installed")

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.elf_image import ElfImage
from elegans.boards.profiling.branch_operands import BranchRecorder
from elegans.boards.profiling.step_call import StepFunction
from elegans.boards.profiling.taint import TaintTracker
from elegans.boards.profiling.thumb_decoder import decode
from elegans.boards.profiling.unicorn_caller import UnicornCaller
from elegans.exporter.errors import ElegansError

_RAM = 0x2000_0000
# Instructions, as halfwords.
_CMP_R0, _CMP_R1, _CMP_R2 = 0x2800, 0x2900, 0x2A00
_BNE, _BCS, _CBZ_R0, _POP_PC = 0xD1FE, 0xD2FE, 0xB100, 0xBD00
_SUBS_R2, _ADDS_R0, _MOVS_R2, _ADD_R1_R0 = 0x3A01, 0x1800, 0x2200, 0x4401
_LDR_R1, _STR_R0, _STR_R2, _LDRB_R1_R3_R0, _STRB_R1_R3_R0 = 0x6819, 0x6018, 0x601A, 0x5C19, 0x5419
_IT_NE, _MOV_R1_R2, _STR_IN_IT, _SBCS_R2, _TBB_R0 = 0xBF18, 0x4611, 0x601A, 0x4192, 0xF000E8DF

_LDR_R2_R1_4 = 0x2B04F851  # LDR R2, [R1], #4
_IT_EQ, _MOV_R2_R1, _BNE_ON, _BX_LR = 0xBF08, 0x460A, 0xD1FF, 0x4770
_ITTE_EQ, _ZERO = 0xBF06, 1 << 30


def _code(*halfwords):
    wide = [struct.pack("<I" if h > 0xFFFF else "<H", h) for h in halfwords]
    return b"".join(wide)


def _track(*halfwords, accesses=None):
    """Track instructions with data in R0 and at _RAM; the names of those that are found.

    ``accesses`` are the addresses of loads and stores in order, None for one that is skipped
    because of its condition.
    """
    taint, at = TaintTracker([0], [range(_RAM, _RAM + 4)]), iter(accesses or ())
    for one in decode(_code(*halfwords), 0):
        address = next(at) if one.transfers else None
        part = [] if address is None else [range(address, address + 4)]
        taint.execute(one, part, done=address is not None or not one.transfers)
    return [text.split(":")[0].split()[0] for text in taint.found.values()]


@pytest.mark.parametrize(
    ("halfwords", "accesses", "found"),
    [
        pytest.param((_CMP_R0, _BNE), (), ["bne"], id="compared"),
        pytest.param((_CBZ_R0,), (), ["cbz"], id="compared_with_zero"),
        pytest.param((_TBB_R0,), (), ["tbb"], id="looked_up"),
        pytest.param((_ADD_R1_R0, _CMP_R1, _BNE), (), ["bne"], id="added_to"),
        pytest.param((_LDR_R1, _CMP_R1, _BNE), (_RAM,), ["bne"], id="loaded"),
        pytest.param((_LDRB_R1_R3_R0, _CMP_R1, _BNE), (64,), ["bne"], id="from_a_table"),
        pytest.param((_STR_R0, _LDR_R1, _CMP_R1, _BNE), (128, 128), ["bne"], id="spilled"),
        pytest.param((_STRB_R1_R3_R0,), (128,), ["strb"], id="stored_where_it_says"),
        pytest.param((_ADDS_R0, _MOVS_R2, _BCS), (), ["bhs"], id="a_carry_that_movs_keeps"),
        pytest.param((_ADDS_R0, _SBCS_R2, _CMP_R2, _BNE), (), ["bne"], id="a_carry_borrowed"),
        pytest.param((_CMP_R0, _IT_NE, _MOV_R1_R2, _CMP_R1, _BNE), (), ["bne"], id="chosen"),
        pytest.param((_CMP_R0, _IT_NE, _STR_IN_IT), (128,), ["strne"], id="stored_or_not"),
        pytest.param(
            (_CMP_R0, _IT_NE, _LDR_R1, _CMP_R1, _BNE), (None,), ["bne"], id="loaded_or_not"
        ),
        pytest.param(
            (_CMP_R0, _IT_NE, _LDR_R2_R1_4, _CMP_R1, _BNE), (64,), ["bne"], id="moved_on_or_not"
        ),
        pytest.param((_CMP_R0, _SUBS_R2, _BNE), (), [], id="a_counter"),
        pytest.param(
            (_ADD_R1_R0, _CMP_R2, _IT_NE, _LDR_R1, _CMP_R1, _BNE), (64,), [], id="replaced_for_sure"
        ),
        pytest.param(
            (_ADD_R1_R0, _CMP_R2, _IT_NE, _LDR_R1, _CMP_R1, _BNE), (None,), ["bne"], id="kept"
        ),
        pytest.param((_ADDS_R0, _MOVS_R2, _BNE), (), [], id="zero_is_zero"),
        pytest.param((_STR_R0, _STR_R2, _LDR_R1, _CMP_R1, _BNE), (128,) * 3, [], id="overwritten"),
        pytest.param((_CMP_R0, _CMP_R2, _BNE), (), [], id="compared_again"),
        pytest.param((_LDR_R1, _CMP_R1, _BNE), (64,), [], id="a_constant_loaded"),
    ],
)
def test_taint_reaches_the_branches_that_depend_on_the_data(halfwords, accesses, found):
    assert _track(*halfwords, accesses=accesses) == found


def test_a_return_to_an_address_from_the_data_is_found():
    assert _track(_POP_PC, accesses=[_RAM]) == ["pop"]
    assert _track(_POP_PC, accesses=[128]) == []


@pytest.mark.parametrize("dt", [0, 1])
def test_an_it_block_applies_beyond_the_end_of_a_page_of_code(dt):
    """unicorn begins a new block there, but MOV is still executed under the condition."""
    step = _code(0x2B00, _IT_EQ, _MOV_R2_R1, _CMP_R2, _BNE_ON, _BX_LR)
    start, end = 0x3FC, 0x3FC + len(step) - 2
    image = ElfImage(((0, bytes(start) + step),), {})
    function = StepFunction(start, end, end, 0, 0x2000_0000, 0x2000_1000, 1, 1, 1, 2, 4, 0, image)
    caller = UnicornCaller(SimpleNamespace(board=find_board("mps2-an385")), function)
    row = np.zeros(1, np.int16)
    assert [t.split(":")[0].split()[0] for t in caller.data_dependent(row, dt, row).values()] == [
        "bne"
    ]


def test_unknown_code_is_refused():
    with pytest.raises(ElegansError, match="capstone does not know"):
        decode(bytes.fromhex("ffffffff"), 0)


def _values(halfwords, rows):
    code = _code(*halfwords)
    recorder = BranchRecorder(lambda at, n: (code + bytes(8))[at : at + n])
    registers = np.zeros((len(rows), 17), np.uint32)
    for row, (at, values) in zip(registers, rows, strict=True):
        row[15] = at
        for register, value in values.items():
            row[register] = value
    return [d.values for d in recorder.operands(registers)]


def test_a_branch_is_decided_by_what_was_compared_last():
    rows = [(0, {0: 7}), (2, {2: 9}), (4, {})]
    assert _values((_CMP_R0, _SUBS_R2, _BNE), rows) == [(9,)]


@pytest.mark.parametrize(("flags", "decided"), [(_ZERO, (7,)), (0, (9, 7))])
def test_an_instruction_that_an_it_block_skips_decides_nothing(flags, decided):
    """CMP R0; IT NE; CMPNE R2; BNE: if R0 was zero, R2 is not compared."""
    rows = [(0, {0: 7}), (2, {16: flags}), (4, {2: 9, 16: flags}), (6, {})]
    assert _values((_CMP_R0, _IT_NE, _CMP_R2, _BNE), rows) == [decided]


@pytest.mark.parametrize("at", range(1, 4))
def test_each_condition_of_an_it_block_is_applied(at):
    """ITTE EQ before three comparisons: the values of those that are executed count."""
    rows = [(0, {16: _ZERO}), *((2 * i, {0: 6 + i, 16: _ZERO}) for i in range(1, at + 1))]
    found = _values((_ITTE_EQ, _CMP_R0, _CMP_R0, _CMP_R0, _BNE), [*rows, (8, {})])
    assert found == [{1: (7,), 2: (8, 7), 3: (8, 7)}[at]]


def test_a_hardware_loop_is_decided_by_its_counter():
    le = 0xC001F00F  # LE LR, back by nothing
    assert _values((le,), [(0, {14: 5})]) == [(5,)]


def test_a_shift_of_64_bits_sets_no_flags():
    lsrl = 0x351FEA54  # LSRL R4, R5, #12, which is no ORRS with PC
    assert _values((_CMP_R0, lsrl, _BNE), [(0, {0: 7}), (2, {4: 1}), (6, {})]) == [(7,)]
