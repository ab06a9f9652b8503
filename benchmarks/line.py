"""Which share of a serial line's limit the link uses, for several baud rates.

python -m benchmarks.line build/demo/export [--board mps2-an386] [--emulator unicorn]
"""

from __future__ import annotations

import resource
import time
from pathlib import Path

import click

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation.virtual_board import emulate
from elegans.boards.firmware.build import build_firmware
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import load_build
from elegans.hil_tests.session.stream import stream
from elegans.hil_tests.wire.faulty_cable import FaultyCable

_RATES = (115_200, 460_800, 921_600, None)
_HEAD = (
    "| baud | steps/s | frames/s | bytes/s to the board | bytes/s to the host | of the limit "
    "| µs of CPU a step: link | board |"
)


@click.command()
@click.argument("build", type=click.Path(path_type=Path, exists=True))
@click.option("--board", default="mps2-an386", show_default=True)
@click.option("--emulator", default="unicorn", show_default=True)
@click.option("--seconds", default=10.0, show_default=True, help="of traffic at each rate")
def main(build: Path, board: str, emulator: str, seconds: float) -> None:
    """Print the table as Markdown. The limit is that of the busier direction, ten bits per byte.

    Processor time changes little with what else the machine does. That of the link has the cable
    in it, that of the board its boot.
    """
    firmware, golden = build_firmware(build, find_board(board)), load_build(build).vectors
    print(_HEAD)
    print("|" + "---|" * _HEAD.count(" |"))
    for baud in _RATES:
        board_before = _cpu(resource.RUSAGE_CHILDREN)
        with (
            emulate(firmware, emulator) as virtual,
            FaultyCable(virtual.port, baud) as cable,
            Link.open(cable.port) as link,
        ):
            link.hello()
            link_before = _cpu(resource.RUSAGE_SELF)
            ways = cable.to_board, cable.to_host
            before, began = [way.carried for way in ways], time.perf_counter()
            steps = frames = 0
            while (spent := time.perf_counter() - began) < seconds:
                for chunk in stream(link, golden):
                    steps, frames = steps + chunk.stop - chunk.start, frames + 2
                    if (spent := time.perf_counter() - began) >= seconds:
                        break
            up, down = (way.carried - b for way, b in zip(ways, before, strict=True))
            share = f"{max(up, down) * 10 / spent / baud:.1%}" if baud else "no limit"
            of_link = _cpu(resource.RUSAGE_SELF) - link_before
        of_board = _cpu(resource.RUSAGE_CHILDREN) - board_before
        each = [f"{1e6 * seconds / steps:.0f}" for seconds in (of_link, of_board)]
        rates = [round(n / spent) for n in (steps, frames, up, down)]
        print("|", " | ".join(map(str, [baud or "none", *rates, share, *each])), "|", flush=True)


def _cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
