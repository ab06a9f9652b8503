"""What the workers of one test run share: a folder that is new in each run, and its locks."""

from __future__ import annotations

import fcntl
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from elegans.boards.firmware.build_cache import compilation_digest
from elegans.boards.firmware.toolchain import Compiler

Run = Callable[[Compiler, list[str], Path, str], None]

# A file may also be named by a macro that is included, as the table of cores does.
_INCLUDED = re.compile(
    rb'^\s*[#.]\s*(?:inc(?:lude|bin)|define\s+\w+)\s*["<]([^">]+)[">]', re.MULTILINE
)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes out while one makes ``path``."""
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class SharedCompiler:
    """`toolchain.run`, which compiles the same sources with the same options once a run.

    The kernels, the link and the drivers of a firmware are the same for every model, so most
    of what the tests compile has been compiled before. A result is found by the digest of all
    that it is made from: the compiler and its version, the command, the files that the command
    names, and the files that those include. Only what succeeds is kept, and only for this run.
    """

    def __init__(self, folder: Path, run: Run) -> None:
        folder.mkdir(exist_ok=True)
        self._folder, self._run = folder, run
        self.on = True

    def __call__(self, compiler: Compiler, arguments: list[str], folder: Path, place: str) -> None:
        key = self._digest(compiler, arguments, folder) if self.on else None
        if key is None:
            self._run(compiler, arguments, folder, place)
            return
        kept, result = self._folder / key, folder / arguments[arguments.index("-o") + 1]
        if not kept.exists():
            self._run(compiler, arguments, folder, place)
            made = self._folder / f"{key}.{os.getpid()}-{id(arguments)}"
            made.write_bytes(result.read_bytes())
            made.replace(kept)
        else:
            result.parent.mkdir(parents=True, exist_ok=True)
            result.write_bytes(kept.read_bytes())

    @staticmethod
    def _digest(compiler: Compiler, arguments: list[str], folder: Path) -> str | None:
        """None for a command that reads or writes outside of its folder."""
        words = [word.replace(str(folder), ".") for word in arguments]
        if "-o" not in words or any(word.startswith(("/", "-I/")) for word in words):
            return None
        there, of_name = {}, defaultdict(list)
        for place, _, names in os.walk(folder):
            for name in names:
                path = os.path.relpath(f"{place}/{name}", folder)
                there[path] = Path(place, name)
                of_name[name].append(path)
        named = [part for word in words for part in word.split(",") if part in there]
        output, seen = words[words.index("-o") + 1], {}
        while named:
            name = named.pop()
            if name in seen or name == output:
                continue
            seen[name] = there[name].read_bytes()
            for included in _INCLUDED.findall(seen[name]) if not name.endswith(".o") else ():
                # Whichever of them the compiler takes: all of that name are in the digest.
                named += of_name[included.decode().rpartition("/")[2]]
        return compilation_digest(compiler, [*compiler.command, "--", *words], seen)
