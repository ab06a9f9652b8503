"""A million frames over a line that damages them: faults injected, undetected, frames lost.

python -m benchmarks.soak build/demo/export [--frames 1000000] [--rate 1e-3] [--seed 1]

The device's side is the C of the firmware, compiled for this machine. The line is
`elegans.hil_tests.wire.faulty_cable`. Every answer is compared with the golden vectors.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import tty
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware import toolchain
from elegans.boards.firmware.source import device_files, read_model
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import BuildModel, load_build
from elegans.hil_tests.session.stream import stream
from elegans.hil_tests.wire.faulty_cable import FAULT_KINDS, FaultInjector, FaultyCable

_MAIN = Path(__file__).resolve().parent / "host_device.c"


@dataclass
class Tally:
    """What happened on the line.

    ``frames`` counts requests and answers that were accepted, ``vectors`` the golden vectors
    compared, ``integers`` the outputs and states in these, ``undetected`` the vectors that
    differ, ``lost`` those never answered. ``resent`` counts requests sent again, ``damaged``
    the frames that the host dropped."""

    frames: int = 0
    vectors: int = 0
    integers: int = 0
    undetected: int = 0
    lost: int = 0
    resent: int = 0
    damaged: int = 0
    seconds: float = 0.0


@contextmanager
def host_device(build: Path) -> Iterator[str]:
    """Run the BUILD's firmware on this machine, behind a pseudo-terminal; the terminal's name."""
    files = device_files(read_model(build), find_board("mps2-an386"))
    with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
        folder = Path(scratch)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        units = [path for path in files if path.endswith(".c")]
        line = ["-O2", "-std=gnu99", "-I.", "-Imodel/runtime/include", *units, str(_MAIN)]
        compiler = toolchain.host_compiler()
        toolchain.run(compiler, [*line, "-o", "device"], folder, "the device on this machine")
        device_end, host_end = os.openpty()
        tty.setraw(host_end)
        program = [str(folder / "device")]
        with subprocess.Popen(program, stdin=device_end, stdout=device_end) as process:
            try:
                yield os.ttyname(host_end)
            finally:
                process.kill()
                os.close(host_end)
                os.close(device_end)


def soak(
    port: str, model: BuildModel, frames: int, noise: tuple[FaultInjector, FaultInjector]
) -> Tally:
    """Stream the golden vectors repeatedly until ``frames`` frames were accepted."""
    tally, golden = Tally(), model.vectors
    began = time.perf_counter()
    with FaultyCable(port, None, *noise) as cable, Link.open(cable.port) as link:
        link.hello()
        while tally.frames < frames:
            done = 0
            for chunk in stream(link, golden):
                tally.lost += chunk.start - done
                done = chunk.stop
                y, h = golden.y[chunk.start : done], golden.h_next[chunk.start : done]
                tally.integers += y.size + h.size
                wrong = (chunk.reply.y != y).any(1) | (chunk.reply.h != h).any(1)
                tally.undetected += int(np.count_nonzero(wrong))
                tally.frames += 2
                if tally.frames >= frames:
                    break
            tally.vectors += done
        tally.resent = link.resent
        tally.damaged = link.decoder.dropped.total()
    tally.seconds = time.perf_counter() - began
    return tally


@click.command()
@click.argument("build", type=click.Path(path_type=Path, exists=True))
@click.option("--frames", default=1_000_000, show_default=True, help="how many, for each rate")
@click.option(
    "--rate",
    "rates",
    type=float,
    multiple=True,
    default=(1e-3,),
    help="faults per byte; repeat for several",
)
@click.option("--kind", "kinds", type=click.Choice(FAULT_KINDS), multiple=True, default=FAULT_KINDS)
@click.option("--seed", default=1, show_default=True)
def main(
    build: Path, frames: int, rates: tuple[float, ...], kinds: tuple[str, ...], seed: int
) -> None:
    """Print the table as Markdown."""
    model = load_build(build)
    print("| faults a byte | frames | vectors | integers |", " | ".join(kinds), end=" | ")
    print("damaged | sent again | undetected | lost | frames/s |")
    print("|---" * (len(kinds) + 9) + "|")
    for rate in rates:
        noise = FaultInjector(rate, kinds, seed), FaultInjector(rate, kinds, seed + 1)
        with host_device(build) as port:
            tally = soak(port, model, frames, noise)
        injected: Counter[str] = noise[0].injected + noise[1].injected
        cells = [f"{rate:g}", tally.frames, tally.vectors, tally.integers]
        cells += [*(injected[k] for k in kinds)]
        cells += [tally.damaged, tally.resent, tally.undetected, tally.lost]
        cells += [round(tally.frames / tally.seconds)]
        print("|", " | ".join(map(str, cells)), "|", flush=True)
        if tally.undetected or tally.lost:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
