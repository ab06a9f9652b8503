"""Ranges that cost precision are told in one sentence each, with a remedy."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from elegans.exporter.build_folder import load_model, read_build_folder
from elegans.exporter.export import Request, export
from elegans.exporter.ir.fixed_model import Channel
from elegans.exporter.oracles.range_hints import (
    at_rest,
    constant,
    fixed_period,
    hints,
    offset,
    rarely_long,
    saturated,
    unused_range,
)


def _channel(lo, hi, name="p", unit="hPa", frac=4):
    return Channel(name, unit, frac, round(lo * 2**frac), round(hi * 2**frac))


def test_a_range_of_which_less_than_an_eighth_is_used():
    wide = _channel(-1000, 1000)
    assert unused_range(wide, np.array([-3.0, 9.5, 4.0])) == (
        "p: the recording uses -3:9.5 of the declared -1000:1000 hPa, less than an eighth; declare "
        "a narrower range, beyond which values are clamped (--input-range)"
    )
    told = unused_range(replace(wide, unit="1"), np.array([0.0, 1.0]))
    assert "of the declared -1000:1000, less" in told
    assert unused_range(wide, np.array([-125.0, 125.0])) is None
    assert unused_range(wide, np.array([-124.9, 125.0])) is not None


def test_constant_values_are_told_once():
    channel, values = _channel(-1000, 1000), np.full(9, 0.25)
    assert constant(channel, values) == (
        "p: is 0.25 hPa in every step of the recording; record its changes, too, or leave it out "
        "of the network"
    )
    assert unused_range(channel, values) is None
    assert constant(channel, np.array([0.25, 0.5])) is None
    assert constant(channel, np.array([0.25])) is None


@pytest.mark.parametrize(
    ("lo", "hi", "told"),
    [
        (
            *(985, 1041),
            "p: its range 985:1041 hPa is far from zero, which costs 5.2 of 16 bits; feed the "
            "network p - 1013, and let its first layer add 1013",
        ),
        (
            *(-1041, -985),
            "p: its range -1041:-985 hPa is far from zero, which costs 5.2 of 16 bits; feed the "
            "network p + 1013, and let its first layer subtract 1013",
        ),
        (-1, 1, None),
        (0, 40, None),  # one bit
        (21, 40, "costs 2.1 of 16 bits"),
        (19, 40, None),
    ],
)
def test_a_range_far_from_zero(lo, hi, told):
    found = offset(_channel(lo, hi))
    assert found == told or told in found


def test_a_format_with_an_offset_of_its_own_loses_nothing():
    @dataclass(frozen=True)
    class Shifted(Channel):
        offset: float = 0.0

    assert offset(Shifted("p", "hPa", 4, 985 * 16, 1041 * 16)) is not None
    assert offset(Shifted("p", "hPa", 4, 985 * 16, 1041 * 16, offset=1013.0)) is None


def test_a_longest_time_that_hardly_ever_passes():
    dt = Channel("dt", "h", 10, 0, 27 << 10)
    gaps = np.concatenate([np.linspace(0.1, 1.44, 995), np.full(5, 26.0)])
    assert rarely_long(dt, gaps) == (
        "dt: 99.5 % of the recording's gaps are below 3.375 h, an eighth of the longest in its "
        "declared range 0:27; declare --dt-range up to 1.5 h, and split longer gaps into several "
        "steps"
    )
    assert "all of the recording's gaps" in rarely_long(dt, gaps[:995])
    assert rarely_long(dt, np.concatenate([gaps, np.full(10, 20.0)])) is None
    assert rarely_long(Channel("dt", "h", 10, 4 << 10, 27 << 10), gaps + 4) is None


def test_a_period_that_is_always_the_same():
    dt = Channel("dt", "s", 14, 0, 1 << 14)
    assert fixed_period(dt, np.full(5, 0.05)) == (
        "dt: is 0.05 s in every step of the recording; if it always is, --dt 0.05 folds it into "
        "the weights"
    )
    assert rarely_long(dt, np.full(5, 0.05)) is None
    assert fixed_period(dt, np.array([0.05, 0.06])) is None


def test_the_report_begins_with_the_ports_and_has_the_notes(worm, tmp_path):
    x = np.stack([np.linspace(-1, 1, 50), np.linspace(3, 4, 50), np.full(50, 0.05)], axis=1)
    np.savez(tmp_path / "r.npz", x=x, dt=np.linspace(0.01, 0.2, 50))
    export(Request(worm, recording=tmp_path / "r.npz"), tmp_path / "B")
    notes = [
        "salt: is 0.05 in every step of the recording; record its changes, too, or leave it out "
        "of the network",
        "heat: the recording uses 3:4 of the declared 0:40 K, less than an eighth; declare a "
        "narrower range, beyond which values are clamped (--input-range)",
    ]
    assert json.loads((tmp_path / "B" / "model.json").read_text())["notes"][-2:] == notes
    assert read_build_folder(tmp_path / "B").notes[-2:] == tuple(notes)
    lines = (tmp_path / "B" / "report.txt").read_text().splitlines()
    assert lines[0].startswith("sensors x[3] (-1:1, 0:40, -0.3:0.1), states h[6], elapsed time dt ")
    told = [line for line in lines if line.startswith("note: ")]
    assert told[-2:] == [f"note: {n}" for n in notes]


@pytest.mark.parametrize(
    ("inputs", "lines", "last"),
    [(5, 5, "p4: its range"), (7, 5, "p4, p5, p6: the same"), (20, 5, "p7 and 12 more: the same")],
)
def test_of_many_inputs_with_one_hint_the_first_are_told_in_full(built, inputs, lines, last):
    channels = tuple(_channel(100, 101, f"p{i}") for i in range(inputs))
    found = hints(replace(load_model(built), inputs=channels), None)
    assert len(found) == lines
    assert last in found[-1]


def test_runs_in_which_nothing_moves_are_told():
    """As of a quaternion, which has a length of 1 for ever, or of 0."""
    still, moved = (np.zeros((5, 2, 1)), np.zeros((5, 2, 4))), (np.zeros(1), np.ones(1))
    assert "write each state as its difference" in at_rest({"random": still})[0]
    assert at_rest({"random": still, "held": moved}) == []


def test_the_state_that_float_takes_farthest_beyond_its_end_is_told_with_a_range():
    held = replace(_channel(-4, 4, "layer1[0]", ""), saturates=True)
    states = [_channel(-1, 1, "layer0[0]", ""), held, replace(held, name="layer1[1]")]
    h = np.array([[5.0, -3.0, 2.0], [0.0, 4.01, -45.0]])
    assert saturated(states, h) == (
        "layer1[1] saturates at -4, and float reaches -45",
        "declare a wider range of this state with --state-range layer1=-256:256",
    )
    assert saturated(states, h[:1]) is None
