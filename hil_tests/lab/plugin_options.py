"""The options of the pytest plug-in.

Every pytest run in this environment imports this module, so it imports nothing large.
"""

from __future__ import annotations

from argparse import ArgumentError
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from elegans.hil_tests.lab import COMPILERS, DEFAULT_BOARD, EMULATORS, WAIT_S

_DEMO = Path("build/demo/export")

_HELP = {
    "board": f"board to test (default: {DEFAULT_BOARD}); may be repeated; with --map: only boards "
    "of this kind",
    "build": "BUILD directory made by `elegans export` (default: the demo's, if it is there)",
    "emulator": "unicorn, qemu or auto (default)",
    "compiler": "zig, gcc or auto (default)",
    "level": "optimisation level of the compiler: 0, 1, 2, 3, s or auto (default)",
    "port": "serial port of a real board; without --probe it must run this BUILD already",
    "probe": "unique id of a real board's debug probe, to flash it",
    "map": "TOML file that lists the boards of a lab; every test runs on each of them",
    "tag": "use only boards of the map with this tag",
    "name": "use only the board of the map with this name; may be repeated",
    "wait": f"seconds for which a board that is in use is waited for (default: {WAIT_S:g})",
    "retries": "how often a test is repeated whose setup failed, never one with a wrong bit "
    "(default: 0)",
}
_MORE: dict[str, dict[str, Any]] = {
    "board": {"action": "append"},
    "name": {"action": "append"},
    "emulator": {"choices": EMULATORS},
    "compiler": {"choices": COMPILERS},
    "level": {"choices": ("auto", "0", "1", "2", "3", "s")},
    "wait": {"type": float},
    "retries": {"type": int},
}


@dataclass(frozen=True)
class PluginOptions:
    """The options of the command line, with their defaults; `_HELP` explains them."""

    board: tuple[str, ...] = ()
    build: str | None = None
    emulator: str = "auto"
    compiler: str = "auto"
    level: str = "auto"
    port: str | None = None
    probe: str | None = None
    map: str | None = None
    tag: str | None = None
    name: tuple[str, ...] = ()
    wait: float = WAIT_S
    retries: int = 0

    @classmethod
    def of(cls, config: pytest.Config) -> PluginOptions:
        """The options of a pytest run."""
        values = {f.name: config.getoption(f"elegans_{f.name}", f.default) for f in fields(cls)}
        for option in ("board", "name"):
            values[option] = tuple(values[option] or ())
        return cls(**values)

    @property
    def names_a_board(self) -> bool:
        """Whether the user has named a board, a map or a part of one."""
        return bool(self.board or self.port or self.probe or self.map or self.tag or self.name)

    def build_dir(self) -> Path:
        """The BUILD folder. Skips the test if there is none."""
        if self.build is not None:
            return Path(self.build)
        if not (_DEMO / "model.json").exists():
            pytest.skip("there is no BUILD to test: give one with --build, or run the demo")
        return _DEMO


def add_options(parser: pytest.Parser) -> None:
    """Define the options, but for those that another plug-in has defined already."""
    group = parser.getgroup("elegans", "elegans: liquid networks on boards")
    for option in fields(PluginOptions):
        with suppress(ValueError, ArgumentError):  # another plug-in has this option: leave it
            group.addoption(
                f"--{option.name}",
                dest=f"elegans_{option.name}",
                default=None if option.default == () else option.default,
                help=f"elegans: {_HELP[option.name]}",
                **_MORE.get(option.name, {}),
            )
