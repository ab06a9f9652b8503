"""Atomic writing: files and folders are written under a temporary name, then put in place.

An older folder and its successor change places in one call of the system, so a process that is
killed at any time leaves the one or the other, whole. What was written is on the disk before it
gets its name, so a power failure does not leave a name without its content.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import stat
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.storage.exchange import exchange
from elegans.exporter.storage.folders import (
    Folder,
    is_own,
    make_in,
    open_flags,
    open_in,
    opened,
    opened_below,
    remove_in,
    rename_in,
    status_in,
    sync,
)
from elegans.exporter.storage.read_files import folder_in

if TYPE_CHECKING:  # it takes a tenth of a second to load, for which each emulated board would wait
    import numpy as np
    from numpy.typing import NDArray

_SCRATCH = re.compile(r"\.elegans-scratch\.[0-9a-f]{16}")
_OLD = ".elegans-old."
_LEFT_BEHIND_S = 3600.0  # the age at which a scratch folder belongs to no running process any more
_NEW = open_flags("O_WRONLY", "O_CREAT", "O_EXCL", "O_CLOEXEC", "O_BINARY")


def write_file(path: Path, content: bytes) -> None:
    """Write one file, with its parent folders, in place of any older one.

    Raises `ElegansError` if `path` is a folder or a device, or cannot be written.
    """
    require_file(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened(path.parent) as parent, _scratch(parent) as (_, scratch):
            _write(scratch, "fresh", content, 0o666, durable=True)
            rename_in(scratch, "fresh", parent, path.name)
            sync(parent)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None


def require_file(path: Path) -> None:
    """Raise `WrongUseError` unless `path` is a regular file, or does not exist yet and can."""
    require_parents(path)
    try:
        wrong = path.name in ("", "..") or (path.exists() and not path.is_file())
    except (OSError, ValueError) as error:  # a name that is too long, or has a NUL
        raise _unwritable(path, error) from None
    if wrong:
        raise WrongUseError(
            path, "is not a file", "give the name of a new file, or of one to replace"
        )


def require_new_file(path: Path, source: Path) -> None:
    """As `require_file`; and raise `WrongUseError` if `path` is `source`, which would be lost."""
    require_file(path)
    with suppress(OSError, ValueError):
        if path.samefile(source):
            raise WrongUseError(path, "is what is read", "give the name of another file")


def require_parents(path: Path) -> None:
    """Raise `WrongUseError` if what `path` would lie in is a file, and no folder."""
    with suppress(OSError, ValueError):  # whoever opens the path says what is wrong with it
        above = next((parent for parent in path.parents if parent.exists()), None)
        if above is not None and not above.is_dir():
            raise WrongUseError(path, f"lies in {above}, which is a file", "give another path")


def write_folder(
    target: Path,
    files: Mapping[str, bytes],
    inside: Path | None = None,
    programs: Collection[str] = (),
    durable: bool = True,
) -> None:
    """Write a folder of files, by their relative paths, in place of any older folder.

    inside    the BUILD that it belongs to: nothing is written through a link below it
    programs  the files that can be executed
    durable   whether they are on the disk before the folder gets its name

    Raises `ElegansError` if it cannot be written; the older folder is then still there.
    """
    try:
        with ExitStack() as stack:
            if inside is None:
                target.parent.mkdir(parents=True, exist_ok=True)
                parent = stack.enter_context(opened(target.parent))
            else:
                parts = target.relative_to(inside).parts
                parent = stack.enter_context(folder_in(inside, parts[:-1], make=True))
            _restore(parent, target.name)
            _, scratch = stack.enter_context(_scratch(parent))
            make_in(scratch, "fresh")
            _write_all(scratch, files, programs, durable)
            _put(parent, scratch, target.name)
            if durable:
                sync(parent)
    except (OSError, ValueError) as error:
        raise _unwritable(target, error) from None


def restore_folder(target: Path) -> None:
    """Give an older folder its name back that a killed process took away, where the system cannot
    exchange two names (see `write_folder`)."""
    with suppress(OSError, ValueError), opened(target.parent) as parent:
        _restore(parent, target.name)


@contextmanager
def scratch_beside(target: Path) -> Iterator[Path]:
    """A folder beside `target` to prepare files in, which is gone after the ``with`` block.

    Those that killed processes have left there are removed. Raises `ElegansError`.
    """
    with ExitStack() as stack:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            parent = stack.enter_context(opened(target.parent))
            name, _ = stack.enter_context(_scratch(parent))
        except (OSError, ValueError) as error:
            raise _unwritable(target, error) from None
        yield target.parent / name


def remove_left_behind(folder: Path, names: re.Pattern[str], age: float) -> None:
    """Remove this user's folders of these names that have not changed for `age` seconds; no link
    is followed."""
    with suppress(OSError), opened(folder) as descriptor:
        _remove_left_behind(descriptor, names, age)


def npz(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """The bytes of an .npz file with these arrays by name; equal arrays give equal bytes."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


@contextmanager
def _scratch(parent: Folder) -> Iterator[tuple[str, Folder]]:
    """The name of a new folder, which only this user can enter, and the folder."""
    _remove_left_behind(parent, _SCRATCH, _LEFT_BEHIND_S)
    name = f".elegans-scratch.{secrets.token_hex(8)}"
    make_in(parent, name, 0o700)
    try:
        with opened_below(parent, name) as scratch:
            yield name, scratch
    finally:
        remove_in(parent, name)


def _remove_left_behind(folder: Folder, names: re.Pattern[str], age: float) -> None:
    with os.scandir(folder) as entries:
        found = [entry.name for entry in entries if names.fullmatch(entry.name)]
    for name in found:
        with suppress(OSError):
            status = status_in(folder, name)
            old = time.time() - status.st_mtime > age
            if stat.S_ISDIR(status.st_mode) and is_own(status) and old:
                remove_in(folder, name)


def _write_all(
    scratch: Folder, files: Mapping[str, bytes], programs: Collection[str], durable: bool
) -> None:
    """The files in `fresh`, a folder of the scratch folder."""
    made = {""}
    for path, content in sorted(files.items()):
        for above in reversed(Path(path).parents):
            if str(above) not in made and str(above) != ".":
                make_in(scratch, f"fresh/{above}")
                made.add(str(above))
        mode = 0o777 if path in programs else 0o666
        _write(scratch, f"fresh/{path}", content, mode, durable)
    if durable:
        for folder in sorted(made):
            sync(scratch, f"fresh/{folder}")


def _write(folder: Folder, name: str, content: bytes, mode: int, durable: bool) -> None:
    descriptor = open_in(folder, name, _NEW, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        if durable:
            os.fsync(descriptor)


def _put(parent: Folder, scratch: Folder, name: str) -> None:
    """Give `fresh` its name; what has it now ends in the scratch folder."""
    try:
        status_in(parent, name)
    except FileNotFoundError:
        rename_in(scratch, "fresh", parent, name)
        return
    if exchange(scratch, "fresh", parent, name):
        return
    # No system call for it: a process that is killed in between leaves the old folder under a
    # name of its own, from which `_restore` takes it back.
    rename_in(parent, name, parent, _OLD + name)
    try:
        rename_in(scratch, "fresh", parent, name)
    except BaseException:  # KeyboardInterrupt too
        rename_in(parent, _OLD + name, parent, name)
        raise
    rename_in(parent, _OLD + name, scratch, "old")


def _restore(parent: Folder, name: str) -> None:
    """Undo what a process that was killed inside `_put` has left; without one, nothing."""
    try:
        status = status_in(parent, _OLD + name)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode) or not is_own(status):
        return
    try:
        status_in(parent, name)
    except FileNotFoundError:
        rename_in(parent, _OLD + name, parent, name)
    else:  # it was killed after the new folder had its name
        remove_in(parent, _OLD + name)


def _unwritable(path: Path, error: OSError | ValueError) -> ElegansError:
    reason = getattr(error, "strerror", None) or str(error)
    return ElegansError(
        path, f"cannot be written ({reason})", "choose a folder that you can write to"
    )
