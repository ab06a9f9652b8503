"""Tables of a .parquet file, as `csv_table` has them of a .csv file; pyarrow reads them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.storage.csv_table import DataTable
from elegans.exporter.storage.npz_arrays import MOST_VALUES
from elegans.exporter.storage.read_files import TABLE_FILE, read_input

_LONGEST_TEXT = 1 << 24  # bytes of a text in the file's description, and the most parts of a list
_REMEDY = "give a .parquet file with a column for each input"


def read_parquet(
    path: Path,
    wanted: Collection[str] | None = None,
    key: str | None = None,
    missing: bool = False,
) -> DataTable:
    """The columns of a .parquet file; the arguments are those of `csv_table.read_csv`.

    The numbers of rows and columns that the file states are bounded before any is read. Raises
    `ElegansError`, also where pyarrow is not installed.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        remedy = "pip install 'elegans[parquet]', or save the data as .csv or .npz"
        raise ElegansError(path, "is read by pyarrow, which is not installed", remedy) from None
    content = read_input(path, TABLE_FILE, _REMEDY)
    limits = {
        "thrift_string_size_limit": _LONGEST_TEXT,
        "thrift_container_size_limit": _LONGEST_TEXT,
    }
    try:
        file = parquet.ParquetFile(arrow.BufferReader(content), **limits)
        schema = file.schema_arrow
        names = tuple(str(name) for name in schema.names)
        if key in names:  # equal texts then take memory once
            file = parquet.ParquetFile(arrow.BufferReader(content), read_dictionary=[key], **limits)
    except Exception as error:  # pyarrow raises many kinds for damaged files
        raise _damaged(path, error) from None
    rows = file.metadata.num_rows
    if len(set(names)) < len(names):
        raise ElegansError(path, "names two columns alike", _REMEDY)
    if rows < 1:
        raise ElegansError(path, "holds no rows", "give one row for each step")
    read = [name for name in names if name == key or wanted is None or name in wanted]
    for name in read:  # a list of lists could be of any size
        kind = schema.field(name).type
        if not (arrow.types.is_primitive(kind) or (name == key and _is_text(arrow, kind))):
            raise _not_numbers(path, name, kind)
    if rows * len(read) > MOST_VALUES:
        fact = f"has {rows:,} rows, and {MOST_VALUES:,} numbers is the most"
        raise ElegansError(path, fact, "split the data into several files")
    try:
        table = file.read(columns=read)
        if table.num_rows != rows:
            raise ValueError(f"{table.num_rows} rows instead of {rows}")
    except Exception as error:
        raise _damaged(path, error) from None
    columns = {n: _numbers(path, n, table[n], missing) for n in read if n != key}
    return DataTable(names, columns, _texts(table[key]) if key in read else ())


def _is_text(arrow: Any, kind: Any) -> bool:
    kinds = arrow.types
    if kinds.is_dictionary(kind):
        kind = kind.value_type
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind))


def _texts(column: Any) -> tuple[str, ...]:
    """The texts of a column [T]; "" for null."""
    texts: list[str] = []
    for chunk in column.chunks:
        if hasattr(chunk, "dictionary"):
            words = [str(word) for word in chunk.dictionary.to_pylist()]
            texts += ["" if i is None else words[i] for i in chunk.indices.to_pylist()]
        else:
            texts += ["" if value is None else str(value) for value in chunk.to_pylist()]
    return tuple(texts)


def _numbers(path: Path, name: str, column: Any, missing: bool) -> Any:
    """A column [T] as float64, null as NaN."""
    try:
        values = column.cast("float64").to_numpy(zero_copy_only=False).astype(np.float64)
    except Exception:  # of a date, as an example
        raise _not_numbers(path, name, column.type) from None
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong) and not missing:
        fact, remedy = "is empty or not finite", "correct it, or give --clip to run and compare"
        raise ElegansError(f"{path}, column {name!r:.40}, row {wrong[0]}", fact, remedy)
    return values


def _not_numbers(path: Path, name: str, kind: object) -> ElegansError:
    return ElegansError(f"{path}, column {name!r:.40}", f"holds {kind!s:.40}, not numbers", _REMEDY)


def _damaged(path: Path, error: Exception) -> ElegansError:
    return ElegansError(path, f"is not a .parquet file ({error!s:.80})", _REMEDY)
