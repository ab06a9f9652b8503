"""The line's rate: raised to the fastest that works, and never lost by one end alone."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.hil_tests.link.baud_rate import hasten
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import Model
from elegans.hil_tests.session.compare import compare
from elegans.hil_tests.session.session import session
from elegans.tests.hil_tests.fake_device import BOARD, FakeDevice, Manner


@pytest.mark.parametrize(
    ("manner", "rate"),
    [
        (Manner(), 921_600),
        (Manner(clock_makes=(115_200, 460_800)), 460_800),
        (Manner(line_carries=460_800), 460_800),
        (Manner(line_carries=115_200), 115_200),
        (Manner(clock_makes=(115_200,)), 115_200),
        (Manner(baud=460_800, clock_makes=(115_200, 460_800)), 460_800),
    ],
    ids=["all", "the clock ends", "the line ends", "a poor line", "a poor clock", "no more"],
)
def test_the_fastest_rate_that_works_is_found(fake_model: Model, manner: Manner, rate: int) -> None:
    with FakeDevice(manner) as device, Link.open(device.port, manner.baud) as link:
        link.hello()
        assert hasten(link) == rate == device.baud == link.port.baud
        assert compare(link, fake_model).mismatches == 0


def test_a_board_that_resets_is_met_at_its_first_rate(fake_model: Model) -> None:
    with FakeDevice() as device, Link.open(device.port) as link:
        link.hello()
        assert hasten(link) == 921_600
        assert link.reset().reset == "software"
        assert device.baud == link.port.baud == 115_200
        assert compare(link, fake_model).mismatches == 0


def test_a_host_that_knows_nothing_of_the_rate_meets_the_board() -> None:
    with FakeDevice() as device:
        with Link.open(device.port) as link:
            link.hello()
            hasten(link)
        assert device.baud == 921_600
        with Link.open(device.port) as link:
            assert link.hello().board == BOARD
        assert device.baud == 115_200


def test_real_firmware_changes_its_rate_and_goes_on(worm) -> None:
    with session(worm, "microbit", "unicorn") as device:
        assert hasten(device.link, (3_000_000, 1_000_000, 460_800)) == 1_000_000
        device.compare(device.model.vectors[slice(0, 50)]).require()
        device.link.reset()
        device.compare(device.model.vectors[slice(0, 50)]).require()


def test_doctor_tries_a_line_and_leaves_it_as_it_was() -> None:
    with FakeDevice(Manner(line_carries=460_800)) as device:
        done = CliRunner().invoke(main, ["doctor", "--port", device.port])
        assert done.exit_code == 0, done.output
        assert f"board {BOARD}, last reset: power" in done.output
        assert "answers at 115200 baud; the fastest rate that works is 460800" in done.output
        assert "round trip" in done.output
        assert device.baud == 115_200


def test_doctor_says_what_a_silent_line_may_be() -> None:
    with FakeDevice(Manner(silent=True)) as device:
        done = CliRunner().invoke(main, ["doctor", "--port", device.port])
    assert done.exit_code == 1
    assert "not a byte; check port, power and baud rate" in done.output
