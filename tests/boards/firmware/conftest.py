"""Real boards that are booted once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.tests.boards.firmware.real_boards import RealBoard


@pytest.fixture(scope="session")
def real_board(tiny: Path) -> Callable[[str], RealBoard]:
    """A real board by its name, running the firmware of the tiny BUILD."""
    booted: dict[str, RealBoard] = {}

    def boot(name: str) -> RealBoard:
        if name not in booted:
            booted[name] = RealBoard(build_firmware(tiny, find_board(name), "zig"))
        return booted[name]

    return boot
