"""Tables of a .parquet file, as `csv_table` has them of a .csv file; pyarrow reads them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError
from elegans.exporter.storage.csv_table import DataTable
from elegans.exporter.storage.npz_arrays import MOST_VALUES
from elegans.exporter.storage.read_files import TABLE_FILE, read_input

_LONGEST = 1 << 24  # bytes of a text in the file's description, and the most parts of a list
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
    file = _opened(path)
    names = tuple(str(name) for name in file.schema_arrow.names)
    if key in names:  # equal texts then take memory once
        file = _opened(path, read_dictionary=[key])
    schema = file.schema_arrow
    rows = file.metadata.num_rows
    if len(set(names)) < len(names):
        raise ElegansError(path, "names two columns alike", _REMEDY)
    if rows < 1:
        raise ElegansError(path, "holds no rows", "give one row for each step")
    read = [name for name in names if name == key or wanted is None or name in wanted]
    for name in read:
        kind = schema.field(name).type
        if not (_is_plain(kind) or (name == key and _is_text(kind))):
            raise _not_numbers(path, name, kind)
    table = _read(path, file, read)
    columns = {n: _numbers(path, n, table[n], missing) for n in read if n != key}
    return DataTable(names, columns, _texts(table[key]) if key in read else ())


def read_plain_columns(path: Path) -> dict[str, NDArray[Any] | list[str]]:
    """All columns [T] of a .parquet file: numbers, booleans and time stamps, or a list of texts.

    Null is NaN, NaT, None or "". Raises `ElegansError` as `read_parquet` does.
    """
    kinds = {str(field.name): field.type for field in _opened(path).schema_arrow}
    texts = [name for name, kind in kinds.items() if _is_text(kind)]
    for name, kind in kinds.items():
        if not (_is_plain(kind) or name in texts):
            fact = f"holds {kind!s:.40}, not numbers, text or time stamps"
            raise ElegansError(f"{path}, column {name!r:.40}", fact, "leave it out")
    table = _read(path, _opened(path, read_dictionary=texts), list(kinds))
    columns = {name: table.column(name) for name in kinds}
    return {n: list(_texts(c)) if n in texts else c.to_numpy() for n, c in columns.items()}


def _opened(path: Path, **options: Any) -> Any:
    """A `ParquetFile`, whose description was read within bounds."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        remedy = "pip install 'elegans[parquet]', or save the data as .csv or .npz"
        raise ElegansError(path, "is read by pyarrow, which is not installed", remedy) from None
    limits = dict.fromkeys(("thrift_string_size_limit", "thrift_container_size_limit"), _LONGEST)
    content = read_input(path, TABLE_FILE, _REMEDY)
    try:
        return parquet.ParquetFile(arrow.BufferReader(content), **limits, **options)
    except Exception as error:  # pyarrow raises many kinds for damaged files
        raise _damaged(path, error) from None


def _read(path: Path, file: Any, names: Sequence[str]) -> Any:
    """The table of these columns, which are counted before they are expanded."""
    rows = file.metadata.num_rows
    if rows * len(names) > MOST_VALUES:
        fact = f"has {rows:,} rows, and {MOST_VALUES:,} values is the most"
        raise ElegansError(path, fact, "split the data into several files")
    try:
        table = file.read(columns=list(names))
        if table.num_rows != rows:
            raise ValueError(f"{table.num_rows} rows instead of {rows}")
    except Exception as error:
        raise _damaged(path, error) from None
    return table


def _is_plain(kind: Any) -> bool:
    """Whether it is of one size; a list of lists could be of any."""
    from pyarrow import types

    return bool(types.is_primitive(kind))


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind))


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
