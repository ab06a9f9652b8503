"""Tables are read as people have them: units in the header, missing cells, text, many files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from elegans.exporter.data.recordings.read_columns import read_columns
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.storage import parquet_table
from elegans.exporter.storage.column_names import c_names, name_and_unit

CSV = "t [ms],temp (degC),state,odd\n0,20.5,idle,1\n10,,run,x\n20,nan,run,\n"


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_file_has_names_units_numbers_and_text(tmp_path: Path) -> None:
    table = read_columns(_written(tmp_path / "d.csv", "\ufeff" + CSV))
    assert table.units == {"t": "ms", "temp": "degC", "state": "", "odd": ""}
    assert table.values["t"].tolist() == [0.0, 10.0, 20.0]
    assert np.isnan(table.values["temp"]).tolist() == [False, True, True]
    assert table.values["state"].tolist() == ["idle", "run", "run"]
    assert table.values["odd"].tolist() == ["1", "x", ""]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("temp [degC]", ("temp", "degC")),
        ("p (hPa)", ("p", "hPa")),
        ("angle [°/s]", ("angle", "°/s")),
        ("plain", ("plain", "")),
        ("[V]", ("[V]", "")),
        ("cost [€]", ("cost", "")),
    ],
)
def test_a_header_is_a_name_and_a_unit(text: str, found: tuple[str, str]) -> None:
    assert name_and_unit(text) == found


def test_names_are_identifiers_that_differ_even_in_capitals() -> None:
    assert c_names(["a b", "A_B", "3", "é", "?"]) == ["a_b", "A_B_2", "x_3", "x", "x_2"]


def test_row_names_as_r_writes_them_are_left_out(tmp_path: Path) -> None:
    table = read_columns(_written(tmp_path / "r.csv", '"a","b"\n"1",5,6\n"2",7,8\n'))
    assert {name: values.tolist() for name, values in table.values.items()} == {
        "a": [5.0, 7.0],
        "b": [6.0, 8.0],
    }


def test_a_folder_is_its_files_each_named_in_a_column(tmp_path: Path) -> None:
    _written(tmp_path / "b.csv", "a,c\n3,x\n")
    _written(tmp_path / "a.csv", "a,c\n1,2\n2,4\n")
    table = read_columns(tmp_path)
    assert table.values["file"].tolist() == ["a", "a", "b"]
    assert table.values["a"].tolist() == [1.0, 2.0, 3.0]
    assert table.values["c"].tolist() == ["2", "4", "x"]


def test_an_npz_file_has_columns_or_recordings(tmp_path: Path) -> None:
    np.savez(tmp_path / "flat.npz", a=np.arange(3), b=np.array([1.0, np.nan, 2.0]))
    flat = read_columns(tmp_path / "flat.npz")
    np.savez(tmp_path / "r.npz", x=np.arange(12.0).reshape(2, 3, 2), y=np.array([0, 1]))
    table = read_columns(tmp_path / "r.npz")
    assert flat.values["a"].tolist() == [0.0, 1.0, 2.0]
    assert np.isnan(flat.values["b"]).tolist() == [False, True, False]
    assert table.values["x1"].tolist() == [1.0, 3.0, 5.0, 7.0, 9.0, 11.0]
    assert table.values["y"].tolist() == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    assert table.values["file"].tolist() == ["0", "0", "0", "1", "1", "1"]


def test_a_parquet_file_is_the_same_table_as_its_csv(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {
        "t [s]": np.array(["2026-01-01T00:00:00", "2026-01-01T00:00:01"], "datetime64[us]"),
        "a": pyarrow.array([1.5, None]),
        "s": ["on", "off"],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "d.parquet")
    table = read_columns(tmp_path / "d.parquet")
    assert np.diff(table.values["t"]).tolist() == [1.0]
    assert np.isnan(table.values["a"]).tolist() == [False, True]
    assert table.values["s"].tolist() == ["on", "off"]
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ElegansError, match=r"is not a \.parquet file"):
        read_columns(tmp_path / "bad.parquet")


def test_a_parquet_file_that_takes_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"a": [1.0] * 9, "b": [2.0] * 9}), tmp_path / "d.parquet")
    monkeypatch.setattr(parquet_table, "MOST_VALUES", 17)
    with pytest.raises(ElegansError, match="has 9 rows, and 17 values is the most"):
        read_columns(tmp_path / "d.parquet")


def test_a_text_that_would_fill_memory_once_for_each_row_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("t,a\n0,x\n1," + 300 * "y" + "\n")
    with pytest.raises(ElegansError, match="a text of 300 characters, and 256 is the most"):
        read_columns(tmp_path / "d.csv")


@pytest.mark.parametrize(
    ("name", "text", "fact"),
    [
        ("a.csv", "a,b\n1\n", "line 2: has 1 cells, and the header 2 names"),
        ("a.csv", "a,a\n1,2\n", "two of one name"),
        ("a.csv", "a,b\n", "has a header only"),
        ("a.csv", "a;b\n1,5;2\n", "its header has no comma: a;b; separate cells by commas"),
        ("a.xls", "", "is no file or folder of data"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, name: str, text: str, fact: str
) -> None:
    with pytest.raises(ElegansError, match=fact):
        read_columns(_written(tmp_path / name, text))


def test_a_column_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    table = read_columns(_written(tmp_path / "d.csv", CSV))
    assert table.named("temp", "--inputs") == ("temp", "degC")
    assert table.named("t [s]", "--time") == ("t", "s")
    with pytest.raises(WrongUseError, match="no column 'x' for --target; it has t, temp, state"):
        table.named("x", "--target")


def test_files_of_a_folder_must_have_the_same_columns(tmp_path: Path) -> None:
    _written(tmp_path / "a.csv", "a,b\n1,2\n")
    _written(tmp_path / "b.csv", "a,c\n1,2\n")
    with pytest.raises(ElegansError, match=r"b\.csv: has other columns than a\.csv: b, c"):
        read_columns(tmp_path)
