"""The baud rate is raised to the highest that works; both ends always find a common rate."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.hil_tests.link.baud_rate import raise_rate
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import BuildModel
from elegans.hil_tests.session.compare import compare
from elegans.hil_tests.session.session import BoardOptions, session
from elegans.tests.hil_tests.fake_device import BOARD, Behaviour, FakeDevice


@pytest.mark.parametrize(
    ("behaviour", "rate"),
    [
        (Behaviour(), 921_600),
        (Behaviour(supported_rates=(115_200, 460_800)), 460_800),
        (Behaviour(highest_reliable_rate=460_800), 460_800),
        (Behaviour(highest_reliable_rate=115_200), 115_200),
        (Behaviour(supported_rates=(115_200,)), 115_200),
        (Behaviour(baud=460_800, supported_rates=(115_200, 460_800)), 460_800),
    ],
    ids=[
        "all",
        "clock to 460800",
        "line to 460800",
        "line to 115200",
        "clock to 115200",
        "already fastest",
    ],
)
def test_the_fastest_rate_that_works_is_found(
    fake_model: BuildModel, behaviour: Behaviour, rate: int
) -> None:
    with FakeDevice(behaviour) as device, Link.open(device.port, behaviour.baud) as link:
        link.hello()
        assert raise_rate(link) == rate == device.baud == link.port.baud
        assert compare(link, fake_model).mismatches == 0


def test_after_a_reset_the_link_returns_to_the_first_rate(fake_model: BuildModel) -> None:
    with FakeDevice() as device, Link.open(device.port) as link:
        link.hello()
        assert raise_rate(link) == 921_600
        assert link.reset().reset == "software"
        assert device.baud == link.port.baud == 115_200
        assert compare(link, fake_model).mismatches == 0


def test_a_host_that_does_not_know_the_raised_rate_connects() -> None:
    with FakeDevice() as device:
        with Link.open(device.port) as link:
            link.hello()
            raise_rate(link)
        assert device.baud == 921_600
        with Link.open(device.port) as link:
            assert link.hello().board == BOARD
        assert device.baud == 115_200


def test_real_firmware_changes_its_rate_and_goes_on(worm) -> None:
    with session(worm, "microbit", BoardOptions("unicorn")) as device:
        assert raise_rate(device.link, (3_000_000, 1_000_000, 460_800)) == 1_000_000
        device.compare(device.model.vectors[slice(0, 50)]).require()
        device.link.reset()
        device.compare(device.model.vectors[slice(0, 50)]).require()


def test_doctor_measures_a_line_and_restores_its_rate() -> None:
    with FakeDevice(Behaviour(highest_reliable_rate=460_800)) as device:
        done = CliRunner().invoke(main, ["doctor", "--port", device.port])
        assert done.exit_code == 0, done.output
        assert f"board {BOARD}, last reset: power" in done.output
        assert "answers at 115200 baud; the fastest rate that works is 460800" in done.output
        assert "round trip" in done.output
        assert device.baud == 115_200


def test_doctor_names_possible_causes_of_a_silent_line() -> None:
    with FakeDevice(Behaviour(silent=True)) as device:
        done = CliRunner().invoke(main, ["doctor", "--port", device.port])
    assert done.exit_code == 3
    assert "not a byte; check port, power and baud rate" in done.output
