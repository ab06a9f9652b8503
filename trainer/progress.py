"""Progress on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
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
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("[bold]{task.description:<10}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%  {task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, note="")
        stages = [""]

        def report(stage: str, done: int, total: int, note: str) -> None:
            if stage != stages[-1]:  # the speed of another stage says nothing about this one
                stages.append(stage)
                bar.reset(task)
            bar.update(task, description=stage, completed=done, total=total, note=note)

        yield report


class _Lines:
    """A `Progress` that prints a line when a stage begins and at every tenth of its work.

    The line ends with the time that is left if the stage goes on as fast as so far; the first
    such line comes after half a second of work.
    """

    def __init__(self) -> None:
        self._last, self._begun, self._start, self._told = ("", -1), 0.0, 0, True

    def __call__(self, stage: str, done: int, total: int, note: str) -> None:
        now = time.monotonic()
        reached = (stage, 10 * done // max(total, 1))
        if stage != self._last[0]:
            self._begun, self._start, self._told = now, done, False
        early = not self._told and now - self._begun > 0.5 and done > self._start
        if reached != self._last or early:
            self._last = reached
            left = ""
            if self._start < done < total:
                self._told = True
                seconds = (now - self._begun) / (done - self._start) * (total - done)
                left = f", about {seconds:.0f} s left" if seconds >= 0.5 else ""
            print(f"{stage}: {done}/{total} {note}".rstrip() + left, file=sys.stderr, flush=True)
