"""A firmware's step as a function that is called: where it lies, and who can call it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from elegans.boards.firmware.build import Firmware
from elegans.boards.firmware.elf_image import Image, Symbol, read_image
from elegans.boards.firmware.source import read_model

Row = NDArray[np.int16]
Block = tuple[int, int]  # address and bytes of code that is executed from its beginning to its end


class Caller(Protocol):
    """Something that executes the step, and tells what it executed."""

    def step(self, x: Row, dt: int, h: Row) -> list[Block]:
        """One step from the state h on: the blocks that it goes through."""

    def results(self) -> Row:
        """y and h behind the last step."""

    def stack(self) -> int:
        """The most bytes that a step has used below its caller's stack pointer."""

    def uneven(self, x: Row, dt: int, h: Row) -> dict[int, str]:
        """What depends on x, dt or h and should not, by its address."""


@dataclass(frozen=True)
class Called:
    """The functions of a model in a firmware, and memory for their arguments.

    The arguments lie at the beginning of RAM, where nothing of the firmware runs now, and
    the stack grows down from `top` to `floor` at most.
    """

    step: int
    set_h: int
    get_h: int
    main: int
    base: int
    top: int
    inputs: int
    outputs: int
    neurons: int
    image: Image

    @property
    def x(self) -> int:
        return self.base

    @property
    def y(self) -> int:
        return self.x + _words(self.inputs)

    @property
    def h(self) -> int:
        return self.y + _words(self.outputs)

    @property
    def state(self) -> int:
        return self.h + _words(self.neurons)

    @property
    def floor(self) -> int:
        return self.state + _words(self.inputs + self.neurons)

    def data(self) -> list[range]:
        """Memory that holds x and h: the step's arguments and the state."""
        return [range(self.x, self.y), range(self.state, self.floor)]

    def code(self, address: int, size: int) -> bytes:
        """What lies in flash there."""
        for start, data in self.image.segments:
            if start <= address < start + len(data):
                return data[address - start : address - start + size]
        raise ValueError(f"no code at {address:#010x}")

    def instructions(self, block: Block) -> list[int]:
        """The addresses of its instructions: those of 32 bits begin with 0b111 and not 00."""
        code, at, found = self.code(*block), 0, []
        while at < len(code):
            found.append(block[0] + at)
            at += 4 if code[at + 1] >= 0xE8 else 2
        return found


def called(build_dir: Path, firmware: Firmware, symbols: list[Symbol]) -> Called:
    """The step of a BUILD in its firmware."""
    model, ram = read_model(build_dir), firmware.board.memory.ram
    at = {symbol.name: symbol.address for symbol in symbols}
    return Called(
        step=at[f"{model.name}_step"],
        set_h=at[f"{model.name}_set_h"],
        get_h=at[f"{model.name}_h"],
        main=at["main"],
        base=ram.origin,
        top=ram.origin + ram.bytes & -8,
        inputs=model.inputs,
        outputs=model.outputs,
        neurons=model.neurons,
        image=read_image(firmware.elf),
    )


def _words(elements: int) -> int:
    """Bytes of so many int16, to the next 16."""
    return (2 * elements + 31) & -16
