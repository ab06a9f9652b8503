"""Names, units and ranges of inputs from the data that a network was trained on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import open_graph, read_interface
from elegans.trainer import export_onnx
from elegans.trainer.onnx_out.signals import from_data, signals

pandas = pytest.importorskip("pandas", reason="pandas is not installed (pip install pandas)")

_X = np.array([[60.0, -1.0], [90.0, np.nan], [75.0, 2.0]])
_RANGES = [(60.0, 90.0), (-1.0, 2.0)]


def _frame(**more):
    return pandas.DataFrame({"heart rate [bpm]": _X[:, 0], "lead-2": _X[:, 1], **more})


@pytest.mark.parametrize("data", [_X, _X[None], torch.tensor(_X), _X.tolist()])
def test_arrays_give_the_ranges_of_their_columns(data):
    assert from_data(data, 2, None) == (None, _RANGES, None)


def test_a_frame_names_the_inputs_and_gives_elapsed_time():
    with pytest.warns(UserWarning, match=r"'heart rate \[bpm\]' is called heart_rate in C"):
        names, ranges, dt = from_data(_frame(dt=[0.1, 0.2, 0.4]), 2, None)
    assert (ranges, dt) == (_RANGES, (0.1, 0.4))
    with pytest.warns(UserWarning, match="'lead-2' is called lead_2 in C"):
        found = signals("input", 2, names, "", ranges)
    assert [(s.name, s.unit) for s in found] == [("heart_rate", "bpm"), ("lead_2", "")]


def test_names_choose_the_columns_of_a_frame():
    found = from_data(
        _frame(other=[5.0, 6.0, 7.0]).rename(columns={"lead-2": "b"}), 2, ["b", "other"]
    )
    assert found == (["b", "other"], [(-1.0, 2.0), (5.0, 7.0)], None)


@pytest.mark.filterwarnings("ignore:input")
def test_a_file_gives_what_its_frame_gives(tmp_path):
    _frame(dt=[0.1, 0.2, 0.4]).to_csv(tmp_path / "d.csv", index=False)
    names = ["heart rate [bpm]", "lead-2"]
    assert from_data(tmp_path / "d.csv", 2, names) == (names, _RANGES, (0.1, 0.4))


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (np.zeros((4, 3)), r"its shape is \[4, 3\]"),
        (np.full((4, 2), np.nan), "no number for the input 'x0'"),
        ([["a", "b"]], "cannot be read as 2 inputs"),
        (7, "cannot be read"),
    ],
)
def test_data_that_do_not_fit_are_refused(data, match):
    with pytest.raises(ElegansError, match=match):
        from_data(data, 2, None)


@pytest.mark.filterwarnings("ignore:input")
def test_the_file_carries_what_the_data_say(tmp_path):
    torch.manual_seed(0)
    path = export_onnx(
        *(nn.GRU(2, 3), 2, tmp_path / "net.onnx"),
        ranges_from=_frame(),
        output_names=["pump speed (1/s)", "b", "c"],
    )
    interface = read_interface(open_graph(path))
    assert [(s.name, s.unit, s.range) for s in interface.inputs] == [
        ("heart_rate", "bpm", (60.0, 90.0)),
        ("lead_2", "", (-1.0, 2.0)),
    ]
    assert next((s.name, s.unit) for s in interface.outputs) == ("pump_speed", "1/s")
