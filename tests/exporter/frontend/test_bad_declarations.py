"""Names, units, ranges, times and recordings that are not valid, from a file or a user."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from elegans.exporter.data import recording
from elegans.exporter.frontend.import_graph import open_graph, read_interface
from elegans.exporter.ir.declared import with_ranges
from elegans.tests.exporter.frontend.refusal import refused


def test_missing_ranges_are_asked_for_by_option(graph, save, tmp_path):
    path = save(graph().cfc(), meta=None)
    refused(path, tmp_path, "'x0'.*--input-range")
    refused(path, tmp_path, "'dt'.*--dt-range LO:HI or --dt", input_ranges=((-1.0, 1.0),))


@pytest.mark.parametrize("bounds", [(1.0, 1.0), (2.0, -2.0), (np.nan, 1.0), (0.0, np.inf)])
def test_empty_or_infinite_ranges(worm, tmp_path, bounds):
    refused(worm, tmp_path, "empty or not finite", input_ranges=(bounds,))
    refused(worm, tmp_path, "empty or not finite", dt_range=bounds)


def test_a_number_of_ranges_that_does_not_fit(worm, tmp_path):
    refused(worm, tmp_path, "given 2 times", input_ranges=((-1.0, 1.0), (0.0, 1.0)))


def test_negative_times(worm, tmp_path):
    refused(worm, tmp_path, "never negative", dt_range=(-0.1, 0.1))
    refused(worm, tmp_path, "sample period", dt=-0.1)
    refused(worm, tmp_path, "sample period", dt=float("nan"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "worm; system(0)"),
        ("name", "Worm"),
        ("name", "uart"),
        ("name", "el_worm"),
        ("name", "../../etc"),
        ("name", 7),
        ("inputs", [{"name": 'a"); evil("', "unit": "", "range": [0, 1]}] * 3),
        ("inputs", [{"name": "a", "unit": "*/ int evil; /*", "range": [0, 1]}] * 3),
        ("inputs", [{"name": "a", "unit": "", "range": [0, 1]}] * 3),
        ("inputs", [{"name": "a", "unit": "", "range": [0, 1]}]),
        ("inputs", "xyz"),
        ("inputs", [{"name": n, "range": [0, 1]} for n in ("a", "A", "b")]),
        ("inputs", [{"name": n, "range": [0, 1]} for n in ("a", "a_frac", "b")]),
        ("dt", {"range": [1]}),
        ("dt", {"range": [-1, 1]}),
        ("layers", [{"name": "in ter", "size": 4}]),
        ("states", 7),
        ("states", [7]),
        ("states", [{"name": "inter"}]),
        ("states", [{"name": "a\nb", "range": [-1, 1]}]),
        ("states", [{"name": ["inter"], "range": [-1, 1]}]),
        ("states", [{"name": "c" * 81, "range": [-1, 1]}]),
        ("states", [{"name": "inter", "range": [-1, 1, 2]}]),
    ],
)
def test_hostile_metadata(graph, save, metadata, tmp_path, key, value):
    path = save(graph().cfc(), meta={**metadata, key: value})
    refused(path, tmp_path, "metadata|model name|two inputs|never negative")


def test_metadata_that_is_not_json(graph, worm, tmp_path):
    proto = onnx.load(worm)
    helper.set_model_props(proto, {"elegans": "{nope"})
    onnx.save(proto, worm)
    refused(worm, tmp_path, "metadata key 'elegans'")


def test_a_recording_outside_its_ranges_is_named_by_channel_and_step(worm, tmp_path):
    x = np.zeros((5, 3))
    x[3, 1] = 41.0
    path = tmp_path / "rec.npz"
    np.savez(path, x=x, dt=np.full(5, 0.1))
    refused(worm, tmp_path, "heat at step 3: 41 lies outside", recording=path)


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"z": np.zeros(3)}, "no array 'x'"),
        ({"x": np.zeros((4, 2)), "dt": np.zeros(4)}, "shape"),
        ({"x": np.zeros((4, 3))}, "holds no 'dt'"),
        ({"x": np.zeros((4, 3)), "dt": np.full(3, 0.1)}, "dt has the shape"),
        ({"x": np.zeros((4, 3)), "dt": np.zeros(0)}, "dt has the shape"),
        ({"x": np.zeros((4, 3)), "dt": np.float64(0.1)}, "dt has the shape"),
        ({"x": np.full((4, 3), np.nan), "dt": np.full(4, 0.1)}, "not all finite"),
        ({"x": np.array([{"a": 1}], dtype=object)}, "not an .npz file of plain arrays"),
    ],
)
def test_recordings_of_the_wrong_kind(worm, tmp_path, arrays, match):
    path = tmp_path / "rec.npz"
    np.savez(path, **arrays)
    refused(worm, tmp_path, match, recording=path)


def test_a_range_for_every_channel_is_taken_in_order(worm):
    ranges = [(-1.0, 1.0), (0.0, 2.0), (-3.0, 3.0)]
    found = with_ranges(read_interface(open_graph(worm)), ranges, None, None)
    assert [signal.range for signal in found.inputs] == ranges


def test_a_range_narrower_than_the_resolution_at_its_offset(worm, tmp_path):
    refused(
        worm, tmp_path, "touch.*all of 100:100.001 is one integer", input_ranges=((100, 100.001),)
    )


@pytest.mark.parametrize("bounds", [(0.0, 1e31), (-1e308, 1.0), (0.0, 1e-310)])
def test_ranges_too_large_or_too_small_for_int16(worm, tmp_path, bounds):
    refused(worm, tmp_path, "take another unit|is one integer", input_ranges=(bounds,))


def test_a_name_from_the_command_line_is_checked_like_the_file_s_own(worm, tmp_path):
    for name in ("", "Worm", "w; system(0)", "el_mix", "el"):
        refused(worm, tmp_path, "cannot be a prefix in C", name=name)


def test_a_recording_of_too_many_steps_is_refused_before_it_is_run(worm, tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "MOST_VALUES", 1000)
    path = tmp_path / "rec.npz"
    np.savez(path, x=np.zeros((100, 3)), dt=np.full(100, 0.1))
    refused(worm, tmp_path, "has 100 steps, and 90 of this model is the most", recording=path)
