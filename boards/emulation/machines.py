"""The emulated machine of each architecture."""

from __future__ import annotations

from elegans.boards.descriptors.cores import ARM, RISCV
from elegans.boards.emulation.arm_machine import ArmMachine
from elegans.boards.emulation.riscv_machine import RiscvMachine
from elegans.boards.emulation.unicorn_machine import UnicornMachine

MACHINES: dict[str, type[UnicornMachine]] = {ARM: ArmMachine, RISCV: RiscvMachine}
"""By the architecture of the core."""
