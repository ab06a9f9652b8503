"""A port that is missing, busy, forbidden, vanishing or stuck: each has an error of its own."""

from __future__ import annotations

import io
import os
import socket
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from elegans.hil_tests.link.baud_rate import raise_rate
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import BuildModel
from elegans.hil_tests.session.compare import compare
from elegans.hil_tests.wire.errors import HilError, Phase
from elegans.tests.hil_tests.fake_device import BOARD, FakeDevice
from elegans.tests.hil_tests.remote_port import RemotePort

# pyserial's RFC 2217 thread uses deprecated methods.
pytestmark = pytest.mark.filterwarnings("ignore:set.*:DeprecationWarning")


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)


def test_a_port_that_vanishes_is_a_fault(pty: tuple[int, str]) -> None:
    master, name = pty
    with Link.open(name) as link:
        link.replug = 0.2
        os.close(master)
        with pytest.raises(HilError, match="the port vanished") as failure:
            link.hello()
    assert failure.value.phase is Phase.FAULT


def test_writing_to_a_line_that_nobody_reads_has_a_time_limit(pty: tuple[int, str]) -> None:
    """Nobody reads, so the buffer fills up; the host must not block in a write."""
    master, name = pty
    with Link.open(name) as link:
        link.inject(b"x" * 100_000)
        with pytest.raises(HilError, match="not a byte"):
            link.hello(within=0.2)
    os.close(master)


class _NoDescriptor:
    """A port as pyserial has it on Windows."""

    def __init__(self, device: Any) -> None:
        self.__dict__["device"] = device

    def __getattr__(self, name: str) -> Any:
        return getattr(self.device, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.device, name, value)

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


def test_without_a_descriptor_the_calls_of_pyserial_carry_the_bytes(
    fake_model: BuildModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = serial.serial_for_url
    monkeypatch.setattr(
        serial, "serial_for_url", lambda *a, **more: _NoDescriptor(opened(*a, **more))
    )
    with FakeDevice() as device, Link.open(device.port) as link:
        verdict = compare(link, fake_model)
        assert verdict.passed
        assert verdict.vectors == len(fake_model.vectors)
    with Link.open("loop://") as link, pytest.raises(HilError, match="what is sent comes back"):
        link.hello(within=2.0)


def test_without_a_descriptor_a_port_that_vanishes_is_a_fault(
    pty: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = serial.serial_for_url
    monkeypatch.setattr(
        serial, "serial_for_url", lambda *a, **more: _NoDescriptor(opened(*a, **more))
    )
    master, name = pty
    with Link.open(name) as link:
        link.replug = 0.2
        os.close(master)
        with pytest.raises(HilError, match="the port vanished"):
            link.hello()


def test_a_busy_port_is_an_error_that_says_so() -> None:
    with (
        FakeDevice() as device,
        Link.open(device.port),
        pytest.raises(HilError, match="the port is busy") as failure,
    ):
        Link.open(device.port)
    assert failure.value.phase is Phase.SYNC


def test_a_port_is_free_again_once_closed() -> None:
    with FakeDevice() as device:
        for _ in range(2):
            with Link.open(device.port) as link:
                assert link.hello().board == BOARD


def test_a_missing_port_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(HilError, match="there is no such port"):
        Link.open(str(tmp_path / "ttyNone"))


def test_a_file_is_no_port(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(HilError, match="cannot be opened as a serial port"):
        Link.open(str(file))


def test_a_forbidden_port_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is simulated, since root may open any port."""

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("serial.serial_for_url", forbidden)
    with pytest.raises(HilError, match="join the port's group"):
        Link.open("/dev/ttyACM0")


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_board_on_a_remote_port_is_compared(fake_model: BuildModel, scheme: str) -> None:
    with (
        FakeDevice() as device,
        RemotePort(device.port, scheme) as remote,
        Link.open(remote.url) as link,
    ):
        assert compare(link, fake_model).passed


def test_the_rate_of_a_remote_port_is_raised(
    fake_model: BuildModel,
) -> None:
    with (
        FakeDevice() as device,
        RemotePort(device.port) as remote,
        Link.open(remote.url) as link,
    ):
        link.hello()
        assert raise_rate(link) == remote.baud == device.baud == 921_600
        assert compare(link, fake_model).passed


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_remote_port_that_hangs_up_is_opened_again(scheme: str) -> None:
    with (
        FakeDevice() as device,
        RemotePort(device.port, scheme) as remote,
        Link.open(remote.url) as link,
    ):
        link.hello()
        remote.hang_up()
        assert link.hello().board == BOARD
        assert len(remote.clients) == 2


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_remote_port_where_nobody_listens_is_an_error(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(HilError, match="Connection refused") as failure:
        Link.open(f"{scheme}://127.0.0.1:{port}")
    assert failure.value.phase is Phase.SYNC


def test_the_rate_of_a_plain_tcp_connection_is_not_changed() -> None:
    """The board would change its rate, but the far end of the connection would not."""
    with (
        FakeDevice() as device,
        RemotePort(device.port, "socket") as remote,
        Link.open(remote.url) as link,
    ):
        link.hello()
        assert raise_rate(link) == device.baud == 115_200
