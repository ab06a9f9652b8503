"""A labgrid farm on this machine: coordinator, exporters, and QEMU boards behind TCP ports."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation.qemu import boot_command
from elegans.boards.firmware.build import build_firmware
from elegans.exporter.export import Request, export
from elegans.tests.places import WORM


def _labgrid(name: str) -> str | None:
    beside = Path(sys.executable).with_name(f"labgrid-{name}")
    return str(beside) if beside.exists() else shutil.which(f"labgrid-{name}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = None
    if _labgrid("coordinator") is None:
        missing = (
            "labgrid is not installed: elegans[farm], in an environment of its own (make farm)"
        )
    elif shutil.which("qemu-system-arm") is None:
        missing = "qemu-system-arm is not installed"
    for item in items:
        if missing and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=missing))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_open(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens on {port}")


class Farm:
    """A coordinator, and an exporter for each place."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        port = free_port()
        self.coordinator = f"127.0.0.1:{port}"
        # The coordinator stores its places in its working directory.
        self._spawn("coordinator", "--listen", self.coordinator)
        until_open(port)

    def add(self, place: str, **resources: dict[str, object]) -> None:
        """Add a place with resources by name, each a dictionary of ``cls`` and parameters."""
        lines = [f"{place}:"]
        for name, given in resources.items():
            lines += [f"  {name}:", *(f"    {key}: {value!r}" for key, value in given.items())]
        file = self._folder / f"{place}.yaml"
        file.write_text("\n".join(lines) + "\n")
        words = ["--coordinator", self.coordinator, "--hostname", "localhost", "--name", place]
        self._spawn("exporter", *words, str(file))
        for verb in (["create"], ["add-match", f"*/{place}/*"]):
            self.client(place, *verb).check_returncode()
        deadline = time.monotonic() + 30
        while self.client(place, "show").stdout.count("Matching resource") < len(resources):
            assert time.monotonic() < deadline, self.client(place, "show").stdout
            time.sleep(0.1)

    def client(self, place: str, *words: str, user: str | None = None):
        """The result of a verb of labgrid-client."""
        line = [_labgrid("client"), "--coordinator", self.coordinator, "--place", place, *words]
        environment = os.environ | ({"LG_USERNAME": user} if user else {})
        return subprocess.run(line, capture_output=True, text=True, env=environment, timeout=60)

    def holder(self, place: str) -> str | None:
        """The user who has acquired a place, or None."""
        for line in self.client(place, "show").stdout.splitlines():
            if line.strip().startswith("acquired: "):
                name = line.split(": ")[1]
                return None if name == "None" else name
        return None

    def _spawn(self, name: str, *words: str) -> None:
        log = self._stack.enter_context((self._folder / f"{name}.log").open("a"))
        line = [_labgrid(name), *words]
        process = subprocess.Popen(line, cwd=self._folder, stdout=log, stderr=log)
        self._stack.callback(process.wait, 10)
        self._stack.callback(process.kill)


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    folder = tmp_path / "farm"
    folder.mkdir()
    with ExitStack() as stack:
        yield Farm(stack, folder)


@pytest.fixture(scope="session")
def worm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worm") / "BUILD"
    export(Request(WORM), folder)
    return folder


@contextmanager
def on_tcp(worm: Path, board: str) -> Iterator[dict[str, object]]:
    """Run the worm model on an emulated board; gives its UART as a resource for labgrid."""
    elf = build_firmware(worm, find_board(board), "zig").elf
    port = free_port()
    words = [
        "chardev:u" if word == "pty" else word for word in boot_command(elf, find_board(board))
    ]
    words += ["-chardev", f"socket,id=u,host=127.0.0.1,port={port},server=on,wait=off,nodelay=on"]
    with subprocess.Popen(words) as process:
        try:
            until_open(port)
            yield serial_port(port)
        finally:
            process.kill()


def serial_port(port: int, protocol: str = "raw") -> dict[str, object]:
    """A ``NetworkSerialPort`` resource for a TCP port of this machine."""
    return {"cls": "NetworkSerialPort", "host": "127.0.0.1", "port": port, "protocol": protocol}
