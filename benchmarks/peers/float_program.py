"""A network's step in tuned float C as a program for an emulated board."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elegans.benchmarks.peers.c_text import CText, Step, values
from elegans.benchmarks.peers.float_cells import step_of
from elegans.boards.descriptors.board import Board
from elegans.boards.firmware.elf_image import read_image, read_symbols
from elegans.boards.profiling.step_call import Row, StepFunction
from elegans.trainer.networks.recurrent import Recurrent

FLAGS = ("-O2", "-ffast-math", "-std=gnu11", "-ffunction-sections", "-fdata-sections")
"""gcc's options besides those of the core."""

_FOLDER = Path(__file__).parent
_HELIUM = ("cortex-m55", "cortex-m85")
_PROGRAM = """#define PLACE {place}_t /* the index of a source, without Helium */
#include "float_kernels.h"

{constants}

typedef struct {{
    float v[{floats}];{at_member}
}} Peer;

const uint32_t peer_ram __attribute__((section(".start"), used)) = sizeof(Peer);

void peer_set_h(Peer *peer, const float *h)
{{
    float *const v = peer->v;
{setting}
}}

void peer_get_h(const Peer *peer, float *h)
{{
    const float *const v = peer->v;
{getting}
}}

void peer_step(Peer *peer, float *y, const float *x, uint32_t dt_bits)
{{
    float *const v = peer->v;{at_pointer}
    const union {{
        uint32_t bits;
        float real;
    }} elapsed = {{dt_bits}};
    const float dt = elapsed.real;
    (void)dt;
{body}
}}
"""
_SCRIPT = """ENTRY(reset)
EXTERN(peer_step peer_set_h peer_get_h)
stack_top = {top};
SECTIONS {{
    . = {flash};
    .vectors : {{ KEEP(*(.vectors)) }}
    .start : {{ KEEP(*(.start)) }}
    .text : {{ *(.text* .rodata*) }}
    .data : {{ *(.data* .bss* COMMON) }}
    ASSERT(SIZEOF(.data) == 0, "a peer has constants only")
    /DISCARD/ : {{ *(.ARM.exidx* .ARM.extab* .comment .init .fini) }}
}}
"""


@dataclass(frozen=True)
class FloatFunction(StepFunction):
    """The functions of a float program: inputs, states and outputs have four bytes each.

    `inputs`, `outputs` and `states` count halves of them, so that the addresses fit."""

    def arguments(self, x: Row, h: Row) -> dict[int, bytes]:
        """The bytes of inputs and states, by their addresses."""
        return {self.x: np.float32(x).tobytes(), self.h: np.float32(h).tobytes()}

    def results(self, read: Callable[[int, int], bytes], returned: int) -> Row:
        """y and h, concatenated."""
        y, h = read(self.y, 2 * self.outputs), read(self.h, 2 * self.states)
        return np.frombuffer(y + h, "<f4")


@dataclass(frozen=True)
class FloatProgram:
    """A program that an emulator can call: the image, and what the callers of steps need of a
    firmware."""

    elf: Path
    board: Board
    function: FloatFunction
    flash_bytes: int
    ram_bytes: int


def c_of(net: Recurrent, core: str) -> str:
    """The C of a network's step for a core."""
    assert net.head is net.lstm is None, "no float C of heads and mixed memory"
    text = CText(4 if core in _HELIUM else 1)
    step = step_of(net.rnn_cell, text)
    body = [*step.body, *_outputs(net, text, step)]
    ring = "*at" in "".join(body)
    where = " + peer->at" if ring else ""
    setting, getting, begin = [], [], 0
    for place, count in step.segments:
        setting.append(f"__builtin_memcpy(v + {place}, h + {begin}, {4 * count});")
        getting.append(f"__builtin_memcpy(h + {begin}, v + {place}{where}, {4 * count});")
        begin += count
    if ring:
        setting += [f"__builtin_memcpy(v + {begin}, h, {4 * begin});", "peer->at = 0;"]
    return _PROGRAM.format(
        constants="\n\n".join(text.parts),
        floats=step.floats,
        place="uint8" if step.floats <= 256 else "uint16",
        at_member="\n    uint32_t at;" if ring else "",
        at_pointer="\n    uint32_t *const at = &peer->at;" if ring else "",
        setting=_indented(setting),
        getting=_indented(getting),
        body=_indented(body),
    )


def _outputs(net: Recurrent, text: CText, step: Step) -> list[str]:
    """The statements that write y: the cell's outputs, or a linear map of them."""
    weight = getattr(net.fc, "weight", None)
    if weight is None:
        return [f"__builtin_memcpy(y, {step.output}, {4 * len(step.columns.places)});"]
    if weight.shape[0] == 1:
        text.dot("projection", values(weight)[0], float(values(net.fc.bias)[0]), step.columns)
        return [f"y[0] = projection({step.output});"]
    text.matrix("projection", [(values(weight), values(net.fc.bias))], step.columns)
    return [f"projection({step.output}, y);"]


def _indented(lines: list[str]) -> str:
    flat = [part for line in lines for part in line.splitlines()]
    return "\n".join(part if part.startswith("#") else f"    {part}" for part in flat)


def float_program(net: Recurrent, board: Board, folder: Path) -> FloatProgram:
    """Compile and link a network's step with gcc for a board, in `folder`."""
    core, memory = board.core, board.memory
    top = memory.ram.origin + memory.ram.bytes & -16
    (folder / "peer.c").write_text(c_of(net, core.name))
    (folder / "link.ld").write_text(_SCRIPT.format(top=top, flash=memory.flash.origin))
    elf = folder / "peer.elf"
    own = ("-I", str(_FOLDER), "-nostdlib", "-Wl,--gc-sections", "-Wl,-T,link.ld", "-o", elf.name)
    command = [
        "arm-none-eabi-gcc",
        *core.gcc,
        *FLAGS,
        *own,
        "peer.c",
        str(_FOLDER / "start.c"),
        "-lgcc",
    ]
    subprocess.run([*command, "-Wall", "-Wextra", "-Werror"], cwd=folder, check=True)
    image, at = read_image(elf), {s.name: s for s in read_symbols(elf)}
    function = FloatFunction(
        step=at["peer_step"].address,
        set_h=at["peer_set_h"].address,
        get_h=at["peer_get_h"].address,
        main=at["main"].address,
        base=memory.ram.origin,
        top=top,
        inputs=2 * net.input_size,
        outputs=2 * net.output_size,
        states=2 * net.state_size,
        state_bytes=4,
        struct_bytes=0,
        weights=0,
        image=image,
    )
    (ram,) = struct.unpack("<I", function.code(at["peer_ram"].address, 4))
    function = FloatFunction(**vars(function) | {"struct_bytes": ram})
    return FloatProgram(elf, board, function, image.sizes[".text"], ram)
