"""A firmware's step as a function to call: its address, its arguments, and what can call it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from elegans.boards.firmware.build import Firmware
from elegans.boards.firmware.elf_image import ElfImage, Symbol, read_image
from elegans.boards.firmware.source import read_model
from elegans.boards.firmware.thumb import instruction_addresses

Row = NDArray[np.int16]
Block = tuple[int, int]  # address and bytes of code that was executed from its start to its end


class StepCaller(Protocol):
    """An emulated core that executes a step and reports what it executed."""

    def step(self, x: Row, dt: int, h: Row) -> list[Block]:
        """Execute one step with inputs ``x [I]`` from the states ``h [H]``: the blocks in order."""

    def results(self) -> Row:
        """y and h after the last step, concatenated: ``[O + H]``."""

    def stack(self) -> int:
        """The most bytes that a step so far has used below its caller's stack pointer."""

    def data_dependent(self, x: Row, dt: int, h: Row) -> dict[int, str]:
        """The branches and stores of a step that depend on x, dt or h, by their addresses."""


@dataclass(frozen=True)
class StepFunction:
    """The functions of a model in a firmware, and memory for their arguments.

    ``step``, ``set_h``, ``get_h`` and ``main`` are addresses of functions. The arguments lie
    from ``base``, the beginning of RAM, on, since the firmware itself does not run meanwhile:
    x, y, h and the model's state. Behind them ends the stack, at ``floor``; it begins at ``top``.
    ``inputs``, ``outputs`` and ``states`` are numbers of elements.
    """

    step: int
    set_h: int
    get_h: int
    main: int
    base: int
    top: int
    inputs: int
    outputs: int
    states: int
    image: ElfImage

    @property
    def x(self) -> int:
        """The address of the inputs."""
        return self.base

    @property
    def y(self) -> int:
        """The address of the outputs."""
        return self.x + _array_bytes(self.inputs)

    @property
    def h(self) -> int:
        """The address of the states that are set before a step."""
        return self.y + _array_bytes(self.outputs)

    @property
    def state(self) -> int:
        """The address of the model's ``struct`` with its states."""
        return self.h + _array_bytes(self.states)

    @property
    def floor(self) -> int:
        """The lowest address that the stack may use."""
        return self.state + _array_bytes(self.inputs + self.states)

    def data(self) -> list[range]:
        """The addresses of the data that a step depends on: of x, and of the model's states."""
        return [range(self.x, self.y), range(self.state, self.floor)]

    def code(self, address: int, size: int) -> bytes:
        """The bytes of the image at ``address``. Raises `ValueError` where there are none."""
        for start, data in self.image.segments:
            if start <= address < start + len(data):
                return data[address - start : address - start + size]
        raise ValueError(f"no code at {address:#010x}")

    def instructions(self, block: Block) -> list[int]:
        """The addresses of the instructions of a block."""
        return instruction_addresses(self.code(*block), block[0])


def find_step(build_dir: Path, firmware: Firmware, symbols: list[Symbol]) -> StepFunction:
    """The step of a BUILD in its firmware. Raises `ElegansError` as `read_model` does."""
    model, ram = read_model(build_dir), firmware.board.memory.ram
    at = {symbol.name: symbol.address for symbol in symbols}
    return StepFunction(
        step=at[f"{model.name}_step"],
        set_h=at[f"{model.name}_set_h"],
        get_h=at[f"{model.name}_h"],
        main=at["main"],
        base=ram.origin,
        top=ram.origin + ram.bytes & -8,  # the calling convention aligns the stack to 8 bytes
        inputs=model.inputs,
        outputs=model.outputs,
        states=model.states,
        image=read_image(firmware.elf),
    )


def _array_bytes(elements: int) -> int:
    """The bytes reserved for an array of int16: rounded up to a multiple of 16, and 16 more."""
    return (2 * elements + 31) & -16
