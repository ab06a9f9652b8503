"""Watch a board step by step: its integers beside the reference's, a line of a table for each."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.fixed_model import Channel, Model
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.oracles import reference
from elegans.viewer.live.live_board import Health, LiveBoard
from elegans.viewer.live.sources import Source
from elegans.viewer.live.state_tau import StateTau


@dataclass(frozen=True)
class Moment:
    """What there is to see after a step; values are real, in the channels' units.

    time     since the run began, in the unit of elapsed time; steps where there is none
    change   of each state, per unit of time
    tau      time constant of each state in the unit of time, NaN without one
    latency  of this step, s; `rate` the steps of a second
    compared, different   integers so far, the board's against the reference's
    """

    steps: int
    time: float
    x: Reals
    y: Reals
    h: Reals
    change: Reals
    tau: Reals
    latency: float
    rate: float
    compared: int
    different: int
    health: Health


def watch(
    board: LiveBoard,
    model: Model,
    source: Source,
    tau: StateTau,
    shown: Callable[[Moment], None],
    real_time: bool = True,
) -> None:
    """Run the samples of a source on the board until they end, and show each step.

    tau        of each state: `state_tau` of the BUILD
    real_time  whether to wait the elapsed time of each sample, if its unit is s

    Raises `ClosedError` if the board is closed, and whatever `shown` raises.
    """
    compared = different = 0
    passed, begun = 0.0, time.monotonic()
    due = begun
    waits = real_time and model.dt is not None and model.dt.unit == "s"
    for steps, sample in enumerate(source, start=1):
        if sample.first:
            board.reset()
            passed = 0.0
        elapsed = float(model.dt.to_real(sample.dt)) if model.dt else 1.0
        if waits:
            due = max(due + elapsed, time.monotonic() - elapsed)
            time.sleep(max(due - time.monotonic(), 0.0))
        step = board.step(np.asarray(sample.x, np.int16), sample.dt)
        source.answer(step.y.astype(np.int64))
        y, h = reference.step(model, sample.x, np.array([sample.dt]), step.before)
        passed += elapsed
        compared += y.size + h.size
        different += int(np.sum(y != step.y) + np.sum(h != step.h))
        before, after = (to_real(v.astype(np.int64), model.states) for v in (step.before, step.h))
        x = to_real(np.asarray(sample.x), model.inputs)
        shown(
            Moment(
                steps=steps,
                time=passed,
                x=x,
                y=to_real(step.y.astype(np.int64), model.outputs),
                h=after,
                change=(after - before) / elapsed,
                tau=tau(x, elapsed, before),
                latency=step.latency,
                rate=steps / max(time.monotonic() - begun, 1e-9),
                compared=compared,
                different=different,
                health=board.health(),
            )
        )


class CsvLog:
    """A table of all steps in a file: a header with the units, then a line for each step.

    Lines are written whole, so the file can be read at any time and however it ends. Raises
    `ElegansError` if the file cannot be written.
    """

    def __init__(self, path: Path, model: Model) -> None:
        self._path = path
        unit = model.dt.unit if model.dt else "steps"
        columns = [_titled("time", unit), *(_title(c) for c in model.inputs)]
        columns += [*(_title(c) for c in model.outputs), *(_title(c) for c in model.states)]
        columns += [_titled(f"tau {c.name}", unit) for c in model.states]
        columns += ["latency [ms]", "different"]
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0)
            self._file = os.open(path, flags, 0o666)
        except OSError as error:
            raise self._error(error) from None
        self._size = 0
        self._write(",".join(columns))

    def add(self, moment: Moment) -> None:
        """Write the line of a step."""
        values = [moment.time, *moment.x, *moment.y, *moment.h, *moment.tau, 1e3 * moment.latency]
        texts = ["" if np.isnan(value) else f"{value:.9g}" for value in values]
        self._write(",".join([*texts, str(moment.different)]))

    def _write(self, line: str) -> None:
        data = f"{line}\n".encode()
        try:
            done = os.write(self._file, data)
            if done < len(data):  # the disk is full
                done += os.write(self._file, data[done:])
        except OSError as error:
            with suppress(OSError):  # of a pipe or a device nothing can be taken back
                os.ftruncate(self._file, self._size)
            raise self._error(error) from None
        self._size += len(data)

    def _error(self, error: OSError) -> ElegansError:
        return ElegansError(
            self._path, f"cannot be written: {error.strerror}", "name another file, or free space"
        )

    def __enter__(self) -> CsvLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)


def _title(channel: Channel) -> str:
    return _titled(channel.name, channel.unit)


def _titled(name: str, unit: str) -> str:
    """A column's title; quoted where it could be taken for two."""
    title = f"{name} [{unit}]" if unit else name
    return f'"{title.replace(chr(34), chr(34) * 2)}"' if set(title) & set(',"\n') else title
