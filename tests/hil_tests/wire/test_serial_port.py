"""The port: missing, busy, forbidden, vanishing or stuck, each told as what it is."""

from __future__ import annotations

import os
import socket
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from elegans.hil_tests.link.baud_rate import raise_rate
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import BuildModel
from elegans.hil_tests.session.compare import compare
from elegans.hil_tests.wire.errors import HilError, Phase
from elegans.tests.hil_tests.fake_device import BOARD, FakeDevice
from elegans.tests.hil_tests.far_port import FarPort

# pyserial's own, of its thread in rfc2217.
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


def test_a_line_that_takes_nothing_is_a_bounded_wait(pty: tuple[int, str]) -> None:
    """Nobody reads: the line fills up, and the host must not hang in a write."""
    master, name = pty
    with Link.open(name) as link:
        link.inject(b"x" * 100_000)
        with pytest.raises(HilError, match="not a byte"):
            link.hello(within=0.2)
    os.close(master)


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
    """Told by the error of the system, since root may open anything."""

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("serial.serial_for_url", forbidden)
    with pytest.raises(HilError, match="join the port's group"):
        Link.open("/dev/ttyACM0")


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_port_of_another_machine_is_as_good_as_ours(fake_model: BuildModel, scheme: str) -> None:
    with FakeDevice() as device, FarPort(device.port, scheme) as far, Link.open(far.url) as link:
        assert compare(link, fake_model).passed


def test_the_rate_of_a_far_port_is_raised_like_ours(fake_model: BuildModel) -> None:
    with FakeDevice() as device, FarPort(device.port) as far, Link.open(far.url) as link:
        link.hello()
        assert raise_rate(link) == far.baud == device.baud == 921_600
        assert compare(link, fake_model).passed


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_far_port_that_hangs_up_is_called_again(scheme: str) -> None:
    with FakeDevice() as device, FarPort(device.port, scheme) as far, Link.open(far.url) as link:
        link.hello()
        far.hang_up()
        assert link.hello().board == BOARD
        assert len(far.clients) == 2


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_far_port_where_nobody_listens_is_an_error(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(HilError, match="Connection refused") as failure:
        Link.open(f"{scheme}://127.0.0.1:{port}")
    assert failure.value.phase is Phase.SYNC


def test_the_rate_of_a_bare_connection_is_left_alone() -> None:
    """The board would change its own, and nobody could follow."""
    with FakeDevice() as device, FarPort(device.port, "socket") as far, Link.open(far.url) as link:
        link.hello()
        assert raise_rate(link) == device.baud == 115_200
