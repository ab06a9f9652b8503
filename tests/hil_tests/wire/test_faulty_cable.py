"""A faulty line between link and board: all faults are detected, no vector is lost, runs end."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import BuildModel
from elegans.hil_tests.session.compare import compare
from elegans.hil_tests.session.session import BoardOptions, session
from elegans.hil_tests.session.stream import run, stream
from elegans.hil_tests.wire.errors import HilError, Phase
from elegans.hil_tests.wire.faulty_cable import FAULT_KINDS, FaultInjector, FaultyCable
from elegans.tests.hil_tests.fake_device import BOARD, Behaviour, FakeDevice


@pytest.mark.parametrize("rate", [1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("kind", [*FAULT_KINDS, "all of them"])
def test_every_vector_is_compared_whatever_the_line_does(
    fake_model: BuildModel, kind: str, rate: float
) -> None:
    kinds = FAULT_KINDS if kind == "all of them" else (kind,)
    noise = FaultInjector(rate, kinds, seed=1), FaultInjector(rate, kinds, seed=2)
    with (
        FakeDevice() as device,
        FaultyCable(device.port, None, *noise) as cable,
        Link.open(cable.port) as link,
    ):
        verdict = compare(link, fake_model)
        x, dt = fake_model.vectors.x[:60], fake_model.vectors.dt[:60]
        y, h = run(link, x, dt)
    with FakeDevice() as device, Link.open(device.port) as link:
        clean_y, clean_h = run(link, x, dt)
    assert (verdict.vectors, verdict.mismatches) == (len(fake_model.vectors), 0)
    assert (y == clean_y).all()
    assert (h == clean_h).all()
    if rate >= 1e-3:
        assert noise[0].injected.total() + noise[1].injected.total() > 0


def test_a_wrong_bit_is_found_through_a_bad_line_and_counted_once(fake_model: BuildModel) -> None:
    single = fake_model.vectors.of("random")
    with (
        FakeDevice(Behaviour(wrong_always=True)) as device,
        FaultyCable(
            device.port, None, FaultInjector(1e-3, seed=3), FaultInjector(1e-3, seed=4)
        ) as cable,
        Link.open(cable.port) as link,
    ):
        assert compare(link, fake_model, single).mismatches == len(single)


def test_a_port_that_is_unplugged_and_plugged_again_loses_nothing(fake_model: BuildModel) -> None:
    with (
        FakeDevice() as device,
        FaultyCable(device.port, 115_200) as cable,
        Link.open(cable.port) as link,
    ):
        link.hello()
        got = 0
        for chunk in stream(link, fake_model.vectors):
            if got < 100 <= chunk.stop:
                cable.unplug()
                threading.Timer(0.2, cable.plug).start()
            got = chunk.stop
        assert got == len(fake_model.vectors)
        assert compare(link, fake_model).mismatches == 0


def test_a_port_that_never_comes_back_ends_the_run(fake_model: BuildModel) -> None:
    with FakeDevice() as device, FaultyCable(device.port) as cable, Link.open(cable.port) as link:
        link.replug = 0.3
        link.hello()
        cable.unplug()
        with pytest.raises(HilError, match="the port vanished") as failure:
            compare(link, fake_model)
    assert failure.value.phase is Phase.FAULT


def test_another_board_behind_the_port_that_came_back_is_refused(
    fake_model: BuildModel, tmp_path: Path
) -> None:
    name = tmp_path / "port"
    with FakeDevice() as device, FakeDevice(Behaviour(digest="ab" * 32)) as other:
        name.symlink_to(device.port)
        with FaultyCable(str(name)) as cable, Link.open(cable.port) as link:
            link.hello()
            cable.unplug()
            os.close(cable._board)
            cable._board = os.open(other.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            cable.plug()
            with pytest.raises(
                HilError, match="came back as fake-board with model abab"
            ) as failure:
                compare(link, fake_model)
    assert failure.value.phase is Phase.SYNC


def test_a_line_that_goes_dead_is_a_timeout_in_bounded_time(fake_model: BuildModel) -> None:
    with FakeDevice() as device, FaultyCable(device.port) as cable, Link.open(cable.port) as link:
        link.hello()
        cable.stalled = True
        with pytest.raises(HilError, match="HELLO does too") as failure:
            compare(link, fake_model)
        assert failure.value.phase is Phase.TIMEOUT
        cable.stalled = False
        assert compare(link, fake_model).mismatches == 0


def test_a_run_survives_a_pause_of_the_line(fake_model: BuildModel) -> None:
    with FakeDevice() as device, FaultyCable(device.port) as cable, Link.open(cable.port) as link:
        link.hello()
        cable.stalled = True
        threading.Timer(0.4, setattr, (cable, "stalled", False)).start()
        assert compare(link, fake_model).mismatches == 0


def test_a_board_that_hangs_is_a_timeout_in_bounded_time(worm: Path) -> None:
    with session(worm, "mps2-an386", BoardOptions("unicorn")) as device:
        assert device.powered is not None
        os.kill(device.powered._process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(HilError, match="HELLO does too") as failure:
                device.compare()
        finally:
            os.kill(device.powered._process.pid, signal.SIGCONT)
        assert failure.value.phase is Phase.TIMEOUT


def test_a_second_host_on_a_port_is_refused() -> None:
    with FakeDevice() as device, FaultyCable(device.port) as cable, Link.open(cable.port) as link:
        with pytest.raises(HilError, match="the port is busy") as failure:
            Link.open(cable.port)
        assert failure.value.phase is Phase.SYNC
        assert link.hello().board == BOARD


@pytest.mark.parametrize("baud", [115_200, 921_600])
def test_a_line_transmits_no_more_than_its_baud_rate(fake_model: BuildModel, baud: int) -> None:
    with (
        FakeDevice() as device,
        FaultyCable(device.port, baud) as cable,
        Link.open(cable.port) as link,
    ):
        link.hello()
        before, began = cable.to_host.carried, time.monotonic()
        assert compare(link, fake_model).mismatches == 0
        carried, seconds = cable.to_host.carried - before, time.monotonic() - began
        assert carried * 10 / baud <= seconds


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(0, 1000))
def test_a_cable_without_faults_changes_nothing(parts: list[bytes], seed: int) -> None:
    noise = FaultInjector(0.0, seed=seed)
    assert b"".join(noise.transmit(part) for part in parts) == b"".join(parts)


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_each_kind_of_fault_does_what_it_says(kind: str) -> None:
    frames = [bytes([n % 255 + 1]) * 20 + b"\0" for n in range(2000)]
    noise = FaultInjector(2e-3, (kind,), seed=5)
    out = noise.transmit(b"".join(frames) + b"\0" * 50)
    assert 40 < noise.injected[kind] < 130
    came = [part + b"\0" for part in out.rstrip(b"\0").split(b"\0")]
    if kind == "repeat":
        assert len(frames) < len(came) <= len(frames) + noise.injected[kind]
        assert set(came) == set(frames)
    elif kind == "reorder":
        assert sorted(came) == sorted(frames)
        assert came != frames
    elif kind in ("drop", "truncate"):
        assert len(out) < 21 * len(frames) + 50
    else:
        assert out != b"".join(frames)
