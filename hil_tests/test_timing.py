"""The duration of a step, from the board's counter; exact if the board is emulated."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import BuildModel, Vectors
from elegans.hil_tests.session.session import Device
from elegans.hil_tests.session.stream import Ticks, stream, ticks
from elegans.hil_tests.wire.errors import HilError, Phase


def _counted(link: Link, vectors: Vectors) -> Ticks:
    """Ticks of each vector's step. Raises `HilError` (COUNTER) if one has none: this says nothing
    of what the board computes."""
    counted = ticks(link, vectors)
    if not counted.all():
        hz, zeros = link.peer.counter_hz, int((counted == 0).sum())
        raise HilError(
            Phase.COUNTER,
            link.peer.board,
            f"its counter of {hz} Hz did not count in {zeros} of {len(counted)} timed steps",
            "correct the counter in its descriptor, or leave it out; on a bad line, mend the line",
        )
    return counted


def test_a_timed_step_takes_time(link: Link, model: BuildModel) -> None:
    if not link.peer.counter_hz:
        pytest.skip("this board has no counter")
    assert _counted(link, model.vectors[slice(0, 8)]).min() > 0


def test_an_untimed_step_reports_no_ticks(link: Link, model: BuildModel) -> None:
    [chunk] = stream(link, model.vectors[slice(0, 1)])
    assert (chunk.reply.ticks_min, chunk.reply.ticks_max) == (0, 0)


def test_a_repeated_step_takes_the_same_instructions(device: Device, model: BuildModel) -> None:
    if device.powered is None or not device.hello.counter_hz:
        pytest.skip("only an emulated board counts instructions; the cycles of a real one vary")
    counted = _counted(device.link, model.vectors[np.zeros(20, np.intp)])
    instructions = {device.powered.instructions(int(count)) for count in counted}
    assert len(instructions) == 1, f"20 equal steps took {sorted(instructions)} instructions"
