"""The processor cores that firmware is compiled for: a table of what differs between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Core:
    """A core as compilers and emulators name it.

    ``cfsr`` says that it has the fault status register, which v6-M lacks. ``unicorn`` is
    the model of the pip-only emulator, a ``UC_CPU_ARM_*`` name, or None when it has none.
    """

    name: str
    gcc: tuple[str, ...]
    zig: tuple[str, ...]
    fpu: bool
    cfsr: bool
    unicorn: str | None


CORES = {
    core.name: core
    for core in (
        Core(
            name="cortex-m4f",
            gcc=("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
            zig=("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4"),
            fpu=True,
            cfsr=True,
            unicorn="UC_CPU_ARM_CORTEX_M4",
        ),
    )
}
