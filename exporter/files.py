"""Files that appear whole or not at all: written beside, then renamed."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError


def write_file(path: Path, content: bytes) -> None:
    """Write one file. Raises `ElegansError` for a device, a folder, or a place that is shut."""
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
    """Raise unless a file may stand at `path`: a new one, or in place of another."""
    if path.name in ("", "..") or (path.exists() and not path.is_file()):
        raise ElegansError(path, "is not a file", "name a file, new or to be replaced")


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """A folder of files that appears at once, in place of what stood there."""
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
    """Arrays as the bytes of an .npz file; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _swap(fresh: Path, target: Path, old: Path) -> None:
    if target.exists():
        target.rename(old)
    try:
        fresh.rename(target)
    except BaseException:  # also when interrupted: the scratch folder is about to go
        if old.exists():
            old.rename(target)
        raise


def _unwritable(path: Path, error: OSError) -> ElegansError:
    reason = error.strerror or str(error)
    return ElegansError(path, f"cannot be written ({reason})", "choose a folder that can be")
