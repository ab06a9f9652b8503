"""`elegans export --ranges-from`: ranges from a table of them, or from what was recorded."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.data.ranges import ranges_from
from elegans.exporter.errors import ElegansError
from elegans.tests.places import WORM

_INPUTS = ("touch", "heat", "salt")
_DATA = "touch,heat,salt,dt,note\n-1,10,0,0.1,a\n0.5,,0.25,0.2,b\n0,30,-0.5,0.1,c\n"
_FOUND = {"touch": (-1.0, 0.5), "heat": (10.0, 30.0), "salt": (-0.5, 0.25), "dt": (0.1, 0.2)}


def _file(tmp_path, text, name="r.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


@pytest.mark.parametrize(
    "text",
    [
        _DATA,
        "lo,name,hi,why\n-1,touch,0.5,x\n10,heat,30,x\n-.5,salt,.25,x\n.1,dt,.2,x\n0,other,1,x\n",
    ],
)
def test_a_table_states_or_shows_the_ranges(tmp_path, text):
    found = ranges_from(_file(tmp_path, text), _INPUTS)
    assert found.ranges == _FOUND
    assert not found.told


@pytest.mark.parametrize("shape", [(3,), (1, 3)])
def test_arrays_and_folders_show_them_too(tmp_path, shape):
    x = [[-1, 10, 0], [0.5, np.nan, 0.25], [0, 30, -0.5]]
    folder = tmp_path / "data"
    folder.mkdir()
    np.savez(folder / "a.npz", x=np.array(x).reshape(*shape, 3), dt=np.full(shape, 0.2))
    _file(folder, "touch,heat,salt,dt\n0,20,0,0.1\n", "b.csv")
    assert ranges_from(folder, _INPUTS).ranges == _FOUND


def test_columns_of_other_names_are_taken_in_their_order_and_that_is_told(tmp_path):
    found = ranges_from(_file(tmp_path, "hr,dt,spo2\n60,1,0.9\n90,2,1.0\n"), ("x0", "x1"))
    assert found.ranges == {"x0": (60.0, 90.0), "x1": (0.9, 1.0), "dt": (1.0, 2.0)}
    assert found.told == ("columns are taken in their order: x0 is hr, x1 is spo2",)


def test_what_never_changes_gets_a_range_that_holds_it_and_that_is_told(tmp_path):
    found = ranges_from(_file(tmp_path, "a,b,c,dt\n0,-2,1,0.1\n0,-2,3,0.1\n"), ("a", "b", "c"))
    assert found.ranges == {"a": (0.0, 1.0), "b": (-2.0, 0.0), "c": (1.0, 3.0)}
    assert [told.split(",")[0] for told in found.told] == [
        "a is always 0",
        "b is always -2",
        "dt is always 0.1; if it never changes",
    ]


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("hr,spo2,label\n1,2,0\n", "has no column 'touch', and 3 for 2 inputs"),
        ("touch\n1\n2\n", "has no number for the input 'heat'"),
        ("touch,heat\n1,\n2,\n", "has no number for the input 'heat'"),
        ("name,lo,hi\ntouch,0,1\n", "has no row for the input 'heat'"),
        ("touch,heat\n1,warm\n", "warm is not a number"),
    ],
)
def test_a_file_that_leaves_an_input_without_a_range_is_refused(tmp_path, text, fact):
    with pytest.raises(ElegansError, match=fact):
        ranges_from(_file(tmp_path, text), ("touch", "heat"))


def test_arrays_of_other_shapes_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((5, 4)))
    with pytest.raises(ElegansError, match=r"holds x of the shape \(5, 4\); save x \[T, 3\]"):
        ranges_from(tmp_path / "a.npz", _INPUTS)


def test_what_other_options_say_goes_before_the_file(tmp_path):
    def export(*options):
        source = _file(tmp_path, _DATA)
        command = ["export", WORM, "-o", tmp_path / "B", "--ranges-from", source, *options]
        result = CliRunner().invoke(main, [str(part) for part in command])
        assert result.exit_code == 0, result.output
        folder = read_build_folder(tmp_path / "B")
        return [c.range for c in folder.inputs], folder.dt and folder.dt.range

    inputs, dt = export()
    for (lo, hi), name in zip(inputs, _INPUTS, strict=True):
        assert (lo, hi) == pytest.approx(_FOUND[name], abs=1e-3)
    assert dt == pytest.approx((0.1, 0.2), abs=1e-3)
    inputs, dt = export("--input-range", "heat=0:40", "--dt", "0.1")
    assert dt is None
    assert inputs[0] == pytest.approx((-1, 0.5), abs=1e-3)
    assert inputs[1] == pytest.approx((0, 40), abs=1e-2)


def test_a_range_for_an_input_that_is_not_there_lists_those_that_are(tmp_path):
    command = ["export", str(WORM), "-o", str(tmp_path / "B"), "--input-range", "hot=0:1"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert "no input is called 'hot'; choose from touch, heat, salt" in result.output


def test_a_column_whose_name_c_does_not_take_is_found(tmp_path):
    file = _file(tmp_path, "Heart Rate [bpm],2nd lead,dt\n60,1,0.1\n90,2,0.2\n")
    found = ranges_from(file, ("Heart_Rate", "x_2nd_lead"))
    assert found.ranges == {"Heart_Rate": (60.0, 90.0), "x_2nd_lead": (1.0, 2.0), "dt": (0.1, 0.2)}
    assert not found.told
