"""The effect of single instructions on the stack pointer and on the flow of control.

The encodings are those that arm-none-eabi-as gives.
"""

from __future__ import annotations

import pytest

from elegans.boards.machine_code.thumb_stack import Effect, effect


def _effect(*halfwords: int, at: int = 0x100) -> Effect:
    code = {at + 2 * i: halfword for i, halfword in enumerate(halfwords)}
    return effect(at, code.__getitem__)


@pytest.mark.parametrize(
    ("text", "code", "grows"),
    [
        ("push {r4, r5, lr}", (0xB530,), 12),
        ("pop {r3}", (0xBC08,), -4),
        ("sub sp, #508", (0xB0FF,), 508),
        ("add sp, #16", (0xB004,), -16),
        ("push.w {r4, r8, lr}", (0xE92D, 0x4110), 12),
        ("str r0, [sp, #-8]!", (0xF84D, 0x0D08), 8),
        ("strd r4, r5, [sp, #-16]!", (0xE96D, 0x4504), 16),
        ("ldrd r4, r5, [sp], #16", (0xE8FD, 0x4504), -16),
        ("vpush {s16-s19}", (0xED2D, 0x8A04), 16),
        ("vpop {d8-d9}", (0xECBD, 0x8B04), -16),
        ("sub.w sp, sp, #4096", (0xF5AD, 0x5D80), 4096),
        ("subw sp, sp, #1234", (0xF2AD, 0x4DD2), 1234),
        ("addw sp, sp, #1234", (0xF20D, 0x4DD2), -1234),
        ("add r0, sp, #8", (0xA802,), 0),
        ("str r0, [sp, #8]", (0x9002,), 0),
        ("dsb", (0xF3BF, 0x8F4F), 0),
    ],
)
def test_the_stack_grows_by_what_an_instruction_pushes(text, code, grows):
    assert _effect(*code) == Effect(size=2 * len(code), grows=grows), text


@pytest.mark.parametrize(
    ("text", "code", "grows"),
    [
        ("pop {r4, r5, pc}", (0xBD30,), -12),
        ("pop.w {r4, r8, pc}", (0xE8BD, 0x8110), -12),
        ("ldr pc, [sp], #4", (0xF85D, 0xFB04), -4),
        ("bx lr", (0x4770,), 0),
        ("udf #0", (0xDE00,), 0),
    ],
)
def test_a_return_ends_a_path(text, code, grows):
    assert _effect(*code) == Effect(size=2 * len(code), grows=grows, ends=True), text


@pytest.mark.parametrize(
    ("text", "code", "at", "effect_of_it"),
    [
        ("beq 0", (0xD0DE,), 0x40, Effect(target=0)),
        ("b 0", (0xE7DD,), 0x42, Effect(target=0, ends=True)),
        ("bl 0", (0xF7FF, 0xFFDC), 0x44, Effect(size=4, target=0, calls=True)),
        ("beq.w 0", (0xF43F, 0xAFDA), 0x48, Effect(size=4, target=0)),
        ("blx r3", (0x4798,), 0, Effect(calls=True, indirect=True)),
        ("bx r3", (0x4718,), 0, Effect(indirect=True, ends=True)),
        ("itte eq", (0xBF06,), 0, Effect(skips=3)),
        ("nop", (0xBF00,), 0, Effect()),
    ],
)
def test_calls_and_branches_have_their_targets(text, code, at, effect_of_it):
    assert _effect(*code, at=at) == effect_of_it, text


@pytest.mark.parametrize(
    ("text", "code", "effect_of_it"),
    [
        ("add sp, r3", (0x449D,), Effect(adds=(3, 1))),
        ("sub.w sp, sp, r3", (0xEBAD, 0x0D03), Effect(size=4, adds=(3, -1))),
        ("mov sp, r7", (0x46BD,), Effect(restores=7)),
        ("subs r6, r7, #7", (0x1FFE,), Effect(frame=6)),
        ("movw r3, #0xf00c", (0xF24F, 0x030C), Effect(size=4, sets=(3, 0xF00C))),
        ("movt r3, #0x1234", (0xF2C1, 0x2334), Effect(size=4, sets=(3, 0x1234), upper=True)),
        ("ldr r6, [pc, #0]", (0x4E00, 0xBF00, 0x0008, 0xFFFF), Effect(sets=(6, 0xFFFF0008))),
    ],
)
def test_registers_that_may_move_the_stack_pointer_are_followed(text, code, effect_of_it):
    assert _effect(*code) == effect_of_it, text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("tbb [pc, r0]", (0xE8DF, 0xF000)),
        ("msr msp, r0", (0xF380, 0x8808)),
        ("mov pc, r3", (0x469F,)),
    ],
)
def test_what_cannot_be_followed_is_not_guessed(text, code):
    assert _effect(*code).unknown, text
