"""The duration of a step, from the board's counter; exact if the board is emulated."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import BuildModel
from elegans.hil_tests.session.session import Device
from elegans.hil_tests.session.stream import stream, ticks


def test_a_timed_step_takes_time(link: Link, model: BuildModel) -> None:
    if not link.peer.counter_hz:
        pytest.skip("this board has no counter")
    assert ticks(link, model.vectors[slice(0, 8)]).min() > 0


def test_an_untimed_step_reports_no_ticks(link: Link, model: BuildModel) -> None:
    [chunk] = stream(link, model.vectors[slice(0, 1)])
    assert (chunk.reply.ticks_min, chunk.reply.ticks_max) == (0, 0)


def test_a_repeated_step_takes_the_same_instructions(device: Device, model: BuildModel) -> None:
    if device.powered is None or not device.hello.counter_hz:
        pytest.skip("only an emulated board counts instructions; the cycles of a real one vary")
    counted = ticks(device.link, model.vectors[np.zeros(20, np.intp)])
    assert len({device.powered.instructions(int(count)) for count in counted}) == 1
