"""Arrays of an .npz file that is not trusted, each read when it is asked for, and within bounds.

An .npz file is a zip archive, and 3 MB of it can hold 3 GB of zeros. So the size of an array is
taken from its header, checked, and exactly so many bytes are inflated, whatever the archive says
about itself. Nothing is unpickled.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError
from elegans.exporter.storage.read_files import ARRAYS_FILE, read_input

MOST_VALUES = 1 << 25
"""The most elements of all arrays that are read from one file: 256 MiB of float64."""

_LONGEST_DIRECTORY = 1 << 18  # bytes of the archive's directory: about 4,000 arrays
_LONGEST_HEADER = 1 << 14  # bytes of an array's header; numpy's own limit for its text is 10,000
_END = struct.Struct("<4s4H2LH")  # the record at the end of a zip archive, without its comment
_END64 = 20  # bytes of the locator before it, in archives of more than 4 GB
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those that numpy.savez uses
_VERSIONS = {(1, 0): "read_array_header_1_0", (2, 0): "read_array_header_2_0"}  # of numpy's format
_REMEDY = "give an .npz file of numbers, as numpy.savez writes it"


class InputArrays(Mapping[str, NDArray[np.generic]]):
    """The arrays of an .npz file by name.

    missing  whether NaN, a missing value, and infinity may be among them

    Asking for one raises `ElegansError` if it is damaged, holds other things than finite numbers,
    or more of them than `MOST_VALUES`.
    """

    def __init__(
        self, path: Path, content: bytes, remedy: str = _REMEDY, missing: bool = False
    ) -> None:
        self._path, self._remedy, self._missing = path, remedy, missing
        self._read: dict[str, NDArray[np.generic]] = {}
        self._left = MOST_VALUES
        try:
            _check_directory(content)
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except Exception as error:  # zipfile raises many kinds for damaged files
            raise self._damaged(error) from None
        members = self._archive.infolist()
        self._members = {m.filename.removesuffix(".npy"): m for m in members}
        if len(self._members) < len(members):
            raise self._damaged(ValueError("two arrays of one name"))

    def __getitem__(self, name: str) -> NDArray[np.generic]:
        """One array; KeyError if there is none of this name."""
        if name not in self._read:
            self._read[name] = self._array(name, self._members[name])
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def _array(self, name: str, member: zipfile.ZipInfo) -> NDArray[np.generic]:
        place = f"{self._path}, array {name!r}"
        try:
            if member.compress_type not in _METHODS or member.flag_bits & 1:
                raise ValueError("it is encrypted, or compressed by another method than numpy's")
            shape, by_columns, dtype, start = self._header(member)
            if dtype.hasobject:
                raise ValueError("it holds Python objects")
        except Exception as error:  # numpy, zipfile and zlib raise many kinds
            raise self._damaged(error) from None
        if dtype.kind not in "fiu" or dtype.itemsize > 8:
            raise ElegansError(place, f"holds {dtype.name:.40}, not real numbers", self._remedy)
        count = math.prod(shape)
        if not all(n >= 0 for n in shape) or count > self._left:
            fact = f"has the shape {shape!s:.60}, and {MOST_VALUES} numbers is the most in a file"
            raise ElegansError(place, fact, "split the data into several files")
        try:
            data = self._inflated(member, start, count * dtype.itemsize)
        except Exception as error:
            raise self._damaged(error) from None
        self._left -= count
        array = np.frombuffer(data, dtype).reshape(shape, order="F" if by_columns else "C")
        if array.dtype.kind == "f" and not self._missing and not _all_finite(array):
            remedy = "replace NaN and infinity, or give --clip to run and compare"
            raise ElegansError(place, "is not all finite", remedy)
        return array

    def _header(self, member: zipfile.ZipInfo) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
        """Shape, order, type, and where the elements begin."""
        with self._archive.open(member) as file:
            head = io.BytesIO(file.read(_LONGEST_HEADER))
        untyped: Any = npy
        version = untyped.read_magic(head)
        if version not in _VERSIONS:
            raise ValueError(f"version {version} of the format")
        shape, by_columns, dtype = getattr(untyped, _VERSIONS[version])(head)
        return shape, by_columns, dtype, head.tell()

    def _inflated(self, member: zipfile.ZipInfo, start: int, size: int) -> bytes:
        """The elements; one byte more than there should be is asked for, and no more."""
        with self._archive.open(member) as file:
            file.read(start)
            data = file.read(size + 1)
        if len(data) != size:
            raise ValueError(f"its elements are not {size} bytes, as its header says")
        return data

    def _damaged(self, error: Exception) -> ElegansError:
        return ElegansError(
            self._path, f"is not an .npz file of plain arrays ({error!s:.80})", self._remedy
        )


def load_arrays(path: Path, inside: Path | None = None, missing: bool = False) -> InputArrays:
    """The arrays of an .npz file; `inside` is as in `read_input`, `missing` as in `InputArrays`.

    Raises `ElegansError`.
    """
    return InputArrays(path, read_input(path, ARRAYS_FILE, _REMEDY, inside), missing=missing)


def _check_directory(content: bytes) -> None:
    """Raise ValueError for an archive whose directory zipfile would need much memory to read."""
    at = content.rfind(b"PK\5\6", max(len(content) - _END.size - (1 << 16), 0))
    if at < 0 or at + _END.size > len(content):
        raise ValueError("it is no zip archive")
    _, _, _, _, _, length, _, _ = _END.unpack_from(content, at)
    if content[max(at - _END64, 0) : at].startswith(b"PK\6\7") or length > _LONGEST_DIRECTORY:
        raise ValueError("it has too many arrays")


def _all_finite(array: NDArray[np.generic]) -> bool:
    """Whether no element is NaN or infinite, found piece by piece to save memory."""
    flat, piece = np.ravel(array, order="K"), 1 << 20
    return all(np.all(np.isfinite(flat[i : i + piece])) for i in range(0, len(flat), piece))
