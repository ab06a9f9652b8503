"""What a step costs on this machine, by every way in which `elegans run` takes one sequence.

python -m benchmarks.host_speed build/ncp19 [--steps 50000]

The seconds are those of the processor, all threads together, so that what else the machine does
changes little; the ratios are of one run.
"""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from elegans.boards.firmware.host import HostModel
from elegans.exporter.build_folder import load_model
from elegans.exporter.data.user_data import UserData, read_user_data
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.native.compiled_run import compiled_run
from elegans.exporter.oracles import reference

_BY_NUMPY = 1_000  # steps that NumPy takes one after the other


@click.command()
@click.argument("build", type=click.Path(path_type=Path, exists=True))
@click.option("--steps", default=50_000, show_default=True)
def main(build: Path, steps: int) -> None:
    """Print the table as Markdown."""
    model = load_model(build)
    data = _sequence(model, steps)
    x, dt, h0 = data.x[0], data.dt[0], data.h0[0]
    host = HostModel.compile(build)
    compiled, first = compiled_run(model).run, slice(_BY_NUMPY)
    print("| reference by | µs of CPU a step | steps/s of CPU | times NumPy alone |")
    print("|---|---|---|---|")
    one = _seconds(lambda: reference.run(model, x[first], dt[first])) / _BY_NUMPY
    _row("NumPy alone", one, one)
    _row("C and NumPy", _seconds(lambda: reference.run_series(model, data)) / steps, one)
    if compiled:
        _row("the C alone", _seconds(lambda: compiled(x, dt, h0)) / steps, one)
    _row("`--on host`", _seconds(lambda: host.run(x, dt, h0)) / steps, one)


def _sequence(model: Model, steps: int) -> UserData:
    """Random inputs and times in their ranges, from a fixed seed."""
    rng = np.random.default_rng(1)
    channels = {"x": model.inputs, "dt": (model.dt,) if model.dt else ()}
    drawn = {
        name: rng.uniform(*np.array([c.range for c in found]).T, (steps, len(found)))
        for name, found in channels.items()
        if found
    }
    drawn = {name: values[:, 0] if name == "dt" else values for name, values in drawn.items()}
    with tempfile.TemporaryDirectory(prefix="elegans-") as folder:
        path = Path(folder, "data.npz")
        np.savez(path, **drawn)
        return read_user_data(path, model, None, clip=True, labels=None)


def _seconds(work: Callable[[], object]) -> float:
    """Processor time of this process and of those that it waits for."""
    before = _used()
    work()
    return _used() - before


def _used() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _row(name: str, each: float, one: float) -> None:
    print(f"| {name} | {each * 1e6:,.2f} | {1 / each:,.0f} | {one / each:,.1f} |", flush=True)


if __name__ == "__main__":
    main()
