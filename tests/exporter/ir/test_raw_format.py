"""Raw counts of sensors as they are declared: what a count stands for, and what is refused."""

from __future__ import annotations

import pytest

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.declared import with_formats
from elegans.exporter.ir.interface import Interface, Signal, from_metadata, to_metadata
from elegans.exporter.ir.raw_format import RawFormat, named_format, raw_format


@pytest.mark.parametrize(
    ("text", "counts", "values"),
    [
        ("uint12:985:1041", (0, 4095), {0: 985.0, 4095: 1041.0}),
        ("uint8:-1:1", (0, 255), {0: -1.0, 255: 1.0}),
        ("int16:-2:2", (-32768, 32767), {-32768: -2.0, 0: 0.0, 16384: 1.0}),
        ("int12:0:8", (-2048, 2047), {-2048: 0.0, 0: 4.0}),
        ("uint15:0:32767", (0, 32767), {5: 5.0}),
        ("uint1:0:3", (0, 1), {1: 3.0}),
    ],
)
def test_counts_stand_for_the_declared_values(text, counts, values):
    found = raw_format(text)
    assert found.counts == counts
    for count, value in values.items():
        assert found.offset + found.scale * count == pytest.approx(value, rel=1e-12)


def test_a_format_may_name_its_input():
    assert named_format("p=uint12") == ("p", RawFormat("uint12"))
    assert named_format("uint12:0:1") == (None, RawFormat("uint12", (0.0, 1.0)))


@pytest.mark.parametrize("kind", ["", "int", "int1", "int17", "uint0", "float32", "Int8", "int08"])
def test_other_types_are_refused(kind):
    with pytest.raises(ElegansError, match=r"no type of counts.*uint12:985:1041"):
        raw_format(kind)


def test_counts_that_int16_cannot_hold_are_refused_with_the_way_out():
    with pytest.raises(ElegansError, match=r"int16:LO:HI and pass \(int16_t\)\(count - 32768\)"):
        raw_format("uint16:0:1")


@pytest.mark.parametrize(
    "text",
    [
        *("uint8:1", "uint8:1:2:3", "uint8:a:b", "uint8:1:1", "uint8:2:1", "uint8:nan:1"),
        *("uint8:0:inf", "uint8:0:1e31", "uint8:1e9:1000000000.001"),
    ],
)
def test_ends_without_meaning_are_refused(text):
    with pytest.raises(ElegansError, match="input format"):
        raw_format(text)


_PLAIN = Interface(
    "worm",
    (Signal("a", "V", (0.0, 3.3)), Signal("b", "hPa")),
    (Signal("y"),),
    Signal("dt", "s", (0.1, 1.0)),
)


@pytest.mark.parametrize(
    ("texts", "formats"),
    [
        (["uint8:0:1"], ["uint8:0.0:1.0", "uint8:0.0:1.0"]),
        (["uint8:0:1", "int9:-1:1"], ["uint8:0.0:1.0", "int9:-1.0:1.0"]),
        (["b=uint8:0:1"], [None, "uint8:0.0:1.0"]),
        (["b=uint8:0:1", "a=uint12"], ["uint12:0.0:3.3", "uint8:0.0:1.0"]),
    ],
)
def test_formats_are_given_for_all_inputs_for_each_or_by_name(texts, formats):
    found = with_formats(_PLAIN, [named_format(text) for text in texts])
    assert [s.format and str(s.format) for s in found.inputs] == formats
    assert found.inputs[0].range == (0.0, 3.3)


@pytest.mark.parametrize(
    "texts",
    [["c=uint8:0:1"], ["uint8:0:1"] * 3, ["a=uint8", "uint8"], ["a=uint8:0:1", "a=uint8:0:2"]],
)
def test_formats_that_fit_no_input_are_refused(texts):
    with pytest.raises(ElegansError, match=r"--input-format.*the model has a, b"):
        with_formats(_PLAIN, [named_format(text) for text in texts])


def test_a_format_without_ends_needs_the_range_of_its_input():
    with pytest.raises(ElegansError, match=r"input 'b'.*--input-format b=uint8:LO:HI"):
        with_formats(_PLAIN, [named_format("b=uint8")])


def test_the_metadata_carry_a_format():
    raw = with_formats(_PLAIN, [named_format("b=uint12:985:1041")])
    assert from_metadata(to_metadata(raw), "worm", 2, 1) == raw
    assert "format" not in to_metadata(_PLAIN)


def test_a_later_range_does_not_change_what_a_stored_count_stands_for():
    """`from_metadata` gives a format without ends the range beside it."""
    text = to_metadata(_PLAIN).replace('"name":"a"', '"format":"uint8","name":"a"')
    assert str(from_metadata(text, "worm", 2, 1).inputs[0].format) == "uint8:0.0:3.3"
