"""Atomic writing: files and folders are written under a temporary name, then renamed."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError


def write_file(path: Path, content: bytes) -> None:
    """Write one file, with its parent folders, in place of any older one.

    Raises `ElegansError` if `path` is a folder or a device, or cannot be written.
    """
    require_file(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as scratch:
            fresh = Path(scratch) / path.name
            fresh.write_bytes(content)
            fresh.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None


def require_file(path: Path) -> None:
    """Raise `ElegansError` unless `path` is a regular file, or does not exist yet."""
    if path.name in ("", "..") or (path.exists() and not path.is_file()):
        raise ElegansError(
            path, "is not a file", "give the name of a new file, or of one to replace"
        )


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files, by their relative paths, in place of any older folder.

    Raises `ElegansError` if it cannot be written; the older folder is then still there.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
            fresh, old = Path(scratch) / "fresh", Path(scratch) / "old"
            for path, content in sorted(files.items()):
                (fresh / path).parent.mkdir(parents=True, exist_ok=True)
                (fresh / path).write_bytes(content)
            _swap(fresh, target, old)
    except OSError as error:
        raise _unwritable(target, error) from None


def npz(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """The bytes of an .npz file with these arrays by name; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _swap(fresh: Path, target: Path, old: Path) -> None:
    if target.exists():
        target.rename(old)
    try:
        fresh.rename(target)
    except BaseException:  # KeyboardInterrupt too: the caller will delete the scratch folder
        if old.exists():
            old.rename(target)
        raise


def _unwritable(path: Path, error: OSError) -> ElegansError:
    reason = error.strerror or str(error)
    return ElegansError(
        path, f"cannot be written ({reason})", "choose a folder that you can write to"
    )
