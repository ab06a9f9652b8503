"""Progress on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

Progress = Callable[[str, int, int, str], None]
"""(stage, done, total, note): called after every unit of work; 0 <= done <= total."""


def silent(stage: str, done: int, total: int, note: str) -> None:
    """A `Progress` that prints nothing."""


@contextlib.contextmanager
def shown() -> Iterator[Progress]:
    """A `Progress` that draws a live bar if stderr is a terminal, else prints plain lines."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("[bold]{task.description:<10}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%  {task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, note="")

        def report(stage: str, done: int, total: int, note: str) -> None:
            bar.update(task, description=stage, completed=done, total=total, note=note)

        yield report


class _Lines:
    """A `Progress` that prints a line when a stage begins and at every tenth of its work."""

    def __init__(self) -> None:
        self._last = ("", -1)

    def __call__(self, stage: str, done: int, total: int, note: str) -> None:
        reached = (stage, 10 * done // max(total, 1))
        if reached != self._last:
            self._last = reached
            print(f"{stage}: {done}/{total} {note}".rstrip(), file=sys.stderr, flush=True)
