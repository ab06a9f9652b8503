"""What a verdict says: each figure is the one that was measured, and under its own name."""

from __future__ import annotations

import types
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from elegans.exporter.saturation import Saturation
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session import compare as module
from elegans.hil_tests.session.build_files import BuildModel
from elegans.hil_tests.session.compare import BoardFacts, Verdict, compare, measure
from elegans.hil_tests.session.differences import Difference
from elegans.tests.hil_tests.fake_device import Behaviour, FakeDevice

_VERDICT = Verdict(
    board="lane",
    port="/dev/ttyACM0",
    emulator=None,
    model="worm",
    model_digest="5e" * 32,
    vectors=1000,
    integers=9000,
    mismatches=3,
    first_difference=Difference(140, "random", 4, "state ring[2]", -7, 9),
    ticks=(321, 654),
    instructions=(300, 600),
    flash_bytes=4096,
    ram_bytes=512,
    vectors_per_second=1234.5678,
    requests=200,
    resent=11,
    damaged_frames=13,
    stack_reserved=1536,
    stack_used=620,
    saturated=(Saturation("ring", (-1.0, 1.0), 17, 900), Saturation("motor", (-2.0, 2.0), 0, 900)),
    compiler="zig -O2",
    firmware_digest="ab" * 16,
    counter_hz=16_000_000,
    frames=205,
    baud=460_800,
    round_trip=0.0123456,
    around=None,
    stack_bytes=208,
)


def test_the_json_object_has_every_figure_under_its_name() -> None:
    assert _VERDICT.json() == {
        "board": "lane",
        "port": "/dev/ttyACM0",
        "emulator": None,
        "model": "worm",
        "model_digest": "5e" * 32,
        "compiler": "zig -O2",
        "firmware_digest": "ab" * 16,
        "vectors": 1000,
        "integers": 9000,
        "mismatches": 3,
        "first_difference": "vector 140 (random), step 4, state ring[2]: expected -7, got 9",
        "ticks_per_step": {"min": 321, "max": 654},
        "ticks_per_second": 16_000_000,
        "instructions_per_step": {"min": 300, "max": 600},
        "flash_bytes": 4096,
        "ram_bytes": 512,
        "stack_bytes": 208,
        "vectors_per_second": 1234.6,
        "requests": 200,
        "baud": 460_800,
        "round_trip_ms": 12.346,
        "frames": 205,
        "resent": 11,
        "damaged_frames": 13,
        "stack_reserved": 1536,
        "stack_used": 620,
        "doubt": None,
        "saturated_steps": {"ring": 17, "motor": 0},
    }


def test_the_summary_has_what_a_person_asks_for() -> None:
    assert _VERDICT.summary() == (
        "lane (/dev/ttyACM0): 1000 steps; 9000 integers compared, 3 different; "
        "300 to 600 instructions a step; 4096 bytes flash, 512 bytes RAM; "
        "stack 620 of 1,536 bytes used; "
        "saturated: ring at an end of -1:1 in 17 of 900 steps; "
        "saturated: motor at an end of -2:2 in 0 of 900 steps; "
        "declare a wider range and export again; 1235 steps/s"
    )
    quiet = replace(_VERDICT, instructions=(300, 300), saturated=_VERDICT.saturated[1:])
    assert "; 300 instructions a step; " in quiet.summary()
    assert "declare a wider range" not in quiet.summary()


def test_what_is_not_known_is_null_and_not_in_the_summary() -> None:
    names = "ticks instructions flash_bytes ram_bytes stack_bytes stack_reserved stack_used"
    unknown: dict[str, Any] = dict.fromkeys(f"{names} round_trip first_difference".split())
    verdict = replace(_VERDICT, **unknown, counter_hz=0, saturated=())
    told = ("ticks_per_step", "ticks_per_second", "instructions_per_step", "round_trip_ms")
    assert [verdict.json()[name] for name in told] == [None] * 4
    assert verdict.summary() == (
        "lane (/dev/ttyACM0): 1000 steps; 9000 integers compared, 3 different; 1235 steps/s"
    )


@pytest.mark.parametrize(
    ("emulator", "requests", "few"), [(None, 40, 5), (None, 600, 60), ("qemu", 400, 5)]
)
def test_five_requests_may_be_sent_again_whatever_their_share(
    emulator: str | None, requests: int, few: int
) -> None:
    verdict = replace(_VERDICT, emulator=emulator, requests=requests)
    assert replace(verdict, resent=few).doubt is None
    assert replace(verdict, resent=few + 1).doubt is not None


def test_64_vectors_of_each_section_are_timed_and_those_whose_time_is_unknown_do_not_count(
    fake_model: BuildModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = fake_model.vectors  # 16 corners, 120 random, 200 recorded
    asked = []
    found = np.array([0, 7, 1, 654, 0])
    monkeypatch.setattr(module, "ticks", lambda _, vectors: asked.append(vectors) or found)
    assert measure(None, golden) == (1, 654)  # type: ignore[arg-type]
    sent = np.concatenate([golden.x[:80], golden.x[136:200]])
    np.testing.assert_array_equal(asked[0].x, sent)
    found = np.zeros(5, np.int64)
    assert measure(None, golden) is None  # type: ignore[arg-type]


def test_a_verdict_counts_what_happened_in_its_own_run(
    fake_model: BuildModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the line lost and damaged before belongs to what was run before."""
    times = iter([10.0, 14.0, 20.0, 22.0])
    monkeypatch.setattr(module, "time", types.SimpleNamespace(perf_counter=lambda: next(times)))
    with FakeDevice() as device, Link.open(device.port) as link:
        compare(link, fake_model)
        before = device.requests
        link.resent += 5
        link.decoder.dropped["crc"] += 3
        link.hello_rtt.mean = 0.25
        facts = BoardFacts("qemu", lambda ticks: 2 * ticks, 4096, 512, "gcc -Os")
        verdict = compare(link, fake_model, facts=facts)
        assert verdict.requests == device.requests - before + 1 > 144  # and HELLO, at the end
    assert 0 <= verdict.frames - verdict.requests < 5  # further HELLOs, to ask for faults
    assert (verdict.resent, verdict.damaged_frames) == (0, 0)
    assert verdict.vectors_per_second == len(fake_model.vectors) / 2.0
    assert (verdict.round_trip, verdict.baud) == (link.hello_rtt.mean, link.port.baud)
    assert verdict.counter_hz == Behaviour().counter_hz
    found = (verdict.emulator, verdict.flash_bytes, verdict.ram_bytes, verdict.compiler)
    assert found == ("qemu", 4096, 512, "gcc -Os")


def test_the_fewest_and_the_most_ticks_become_instructions(
    fake_model: BuildModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "measure", lambda *_: (300, 700))
    facts = BoardFacts(instructions=lambda ticks: 2 * ticks)
    with FakeDevice() as device, Link.open(device.port) as link:
        verdict = compare(link, fake_model, facts=facts)
    assert (verdict.ticks, verdict.instructions) == ((300, 700), (600, 1400))


def test_corners_do_not_count_as_saturated(fake_model: BuildModel) -> None:
    """They start at the ends of the ranges; a run that begins and stays elsewhere does not."""
    golden = fake_model.vectors
    ends = [replace(c, saturates=True, lo=-32768, hi=32767) for c in fake_model.states]
    model = replace(fake_model, states=tuple(ends))
    with FakeDevice(Behaviour(counter_hz=0)) as device, Link.open(device.port) as link:
        verdict = compare(link, model)
        assert verdict.requests == device.requests + 1  # HELLO, which asks for faults
    (found,) = verdict.saturated
    later = golden.h_next[golden.section > 0]
    at_end = ((later == -32768) | (later == 32767)).any(axis=1)
    assert (found.of, found.steps) == (320, int(at_end.sum()))
