"""What the layouts of the C cost: flash against instructions a step, on M0, M3, M4 and M55.

    python -m benchmarks.layouts [--write docs/size.md --picture docs/images/size.png]

The networks are those of `benchmarks.speed`. Each layout is compiled by gcc at its own level and
executed on the emulated core, and its results are compared with golden vectors. The picture shows
ncp19 and cfc32 beside CMSIS-NN, which was measured once (`benchmarks/peers/measured.toml`).
"""

from __future__ import annotations

import re
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import click

from elegans.benchmarks.cell_document import heading, markdown, write_row
from elegans.benchmarks.figures import CORES
from elegans.benchmarks.speed import MEASURED
from elegans.benchmarks.speed_cells import FLOORS, make
from elegans.benchmarks.speed_cells import TITLES as ALL
from elegans.boards.descriptors.descriptor import find_board
from elegans.commands.chip.bench import figures
from elegans.exporter.delivery.layouts import LAYOUTS
from elegans.exporter.export import Request, export

_STEPS = 8
_SHOWN = {"ncp19": (16, 8), "cfc32": (16, 8)}  # of the picture, with the bits of their weights
_PEERS = ("CMSIS-NN int8", "CMSIS-NN int16 x int8")
HEAD = ("cell", *LAYOUTS, *_PEERS)

Point = tuple[int, int]
"""Instructions a step, and bytes of flash."""


TITLES = {cell: text for cell, text in ALL.items() if cell != "clamped"}


def title(cell: str, bits: int) -> str:
    """What a table calls a cell with weights of so many bits."""
    return TITLES[cell] + (", int8" if bits == 8 else "")


def peers(cell: str, core: str) -> dict[str, tuple[int, int | None]]:
    """The instructions of CMSIS-NN, and its flash where it was written down."""
    table = tomllib.loads(MEASURED.read_text())["peer"]
    found = {p["name"]: p[cell] for p in table if p["name"] in _PEERS and cell in p}
    return {n: (p["instructions"][core], p["flash"].get(core)) for n, p in found.items()}


def point(source: Path, core: str, layout: str, bits: int, folder: Path) -> Point:
    """What a step costs in a layout; all its steps have the bits of the golden vectors."""
    build = folder / f"{source.stem}-{layout}-{bits}"
    if not build.exists():
        export(Request(source, name="net", layout=layout, weight_bits=bits), build)
    cost = figures(build, find_board(CORES[core]), "gcc", LAYOUTS[layout].level, _STEPS)
    assert (cost["different"], cost["paths"]) == (0, 1), f"{build.name} on {core}"
    return cost["instructions_per_step"]["max"], cost["flash_bytes"]


def row(cell: str, bits: int, core: str, ours: dict[str, Point]) -> str:
    """A cell's row of the table of a core."""
    other = peers(cell, core)
    shown = [f"{count:,} in {flash:,}" for count, flash in ours.values()]
    for name in _PEERS:
        count, flash = other.get(name, (None, None))
        known = "" if flash is None else f" in {flash:,}"
        shown.append("" if count is None else f"{count:,}{known}")
    return markdown([title(cell, bits), *shown])


def points(document: Path, core: str, name: str) -> dict[str, list[Point]]:
    """What the document's table of a core has in a cell's row, by column; nothing where it has no
    flash."""
    lines = document.read_text(encoding="utf-8").splitlines()
    begin = lines.index(f"<!-- table: {core} -->")
    cells = next(line for line in lines[begin:] if line.startswith(f"| {name} |")).split("|")[2:]
    numbers = [[int(n.replace(",", "")) for n in re.findall(r"[\d,]+", cell)] for cell in cells]
    return {
        column: [(found[0], found[1])] if len(found) == 2 else []
        for column, found in zip(HEAD[1:], numbers, strict=False)
    }


def labels(ours: list[Point]) -> list[tuple[Point, str]]:
    """The names of the layouts at their points; those that are within a percent have one label."""
    found: list[tuple[Point, str]] = []
    for name, at in zip(LAYOUTS, ours, strict=True):
        if found and all(abs(a / b - 1) < 0.01 for a, b in zip(at, found[-1][0], strict=True)):
            found[-1] = (found[-1][0], f"{found[-1][1]}, {name}")
        else:
            found.append((at, name))
    return found


def draw(document: Path, picture: Path) -> None:
    """The rows of `_SHOWN`, a panel for each network and core."""
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(12, 6.4), layout="constrained")
    panels: Any = canvas.subplots(len(_SHOWN), len(FLOORS), squeeze=False)
    for cell, line in zip(_SHOWN, panels, strict=True):
        for core, panel in zip(FLOORS, line, strict=True):
            for bits, colour in zip(_SHOWN[cell], ("tab:blue", "tab:cyan"), strict=True):
                found = points(document, core, title(cell, bits))
                ours = [(flash, count) for name in LAYOUTS for count, flash in found[name]]
                name, down = f"elegans, int{bits}", 4 if bits == 16 else -9
                panel.plot(*zip(*ours, strict=True), "o-", color=colour, label=name)
                for at, text in labels(ours):
                    where = {"xytext": (4, down), "textcoords": "offset points"}
                    panel.annotate(text, at, color=colour, fontsize=7, **where)
            marks = zip(peers(cell, core).items(), ("tab:red", "tab:orange"), strict=False)
            for (name, (count, size)), colour in marks:
                if size is None:
                    panel.axhline(count, color=colour, ls="--", label=f"{name}, flash unknown")
                else:
                    panel.plot(size, count, "s", color=colour, label=name)
            panel.set(title=f"{cell}, {core}", xlabel="flash, bytes", ylim=(0, None))
            panel.margins(x=0.25, y=0.15)
            panel.tick_params(labelsize=7)
            panel.grid(visible=True, alpha=0.2)
        line[0].set_ylabel("instructions a step")
    shown = {
        label: handle
        for panel in panels[0]
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    canvas.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=3, fontsize=8)
    canvas.savefig(picture, dpi=110)


@click.command(epilog="Example: python -m benchmarks.layouts --only gru --write docs/size.md")
@click.option(
    "--write",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="also put each row into this document, as soon as it is measured",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    help="where to draw ncp19 and cfc32 as the document then has them",
)
@click.option(
    "--only", default="", help="cells whose names contain one of these parts, separated by commas"
)
@click.option("--core", "cores", multiple=True, type=click.Choice(list(FLOORS)))
def main(write: Path | None, picture: Path | None, only: str, cores: tuple[str, ...]) -> None:
    """Print a table for each core as Markdown."""
    parts = [part.strip() for part in only.lower().split(",")]
    names = [n for n, text in TITLES.items() if any(p in f"{n} {text}".lower() for p in parts)]
    order = [title(cell, bits) for cell in TITLES for bits in _SHOWN.get(cell, (16,))]
    click.echo("\n".join(heading(("core", *HEAD))))
    with tempfile.TemporaryDirectory() as nets:
        make(Path(nets), names)
        for cell in names:
            source = Path(nets) / f"{cell}.onnx"
            for bits, core in ((b, c) for b in _SHOWN.get(cell, (16,)) for c in cores or FLOORS):
                ours = {name: point(source, core, name, bits, Path(nets)) for name in LAYOUTS}
                line = row(cell, bits, core, ours)
                click.echo(f"| {core} {line}")
                if write:
                    write_row(write, core, HEAD, line, order)
    if write and picture:
        draw(write, picture)


if __name__ == "__main__":
    main()
