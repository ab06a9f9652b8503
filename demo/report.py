"""The demo's files: a table, a picture of the drives, and a page with both."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from elegans.boards.firmware.toolchain import cross_compilers
from elegans.demo.result import Result
from elegans.exporter.files import write_file
from elegans.exporter.oracles.free_run import described
from elegans.exporter.templates import environment
from elegans.trainer.tasks.lane.drive_picture import draw_drives
from elegans.viewer.analysis.account import circuit_account
from elegans.viewer.analysis.subject import read_subject
from elegans.viewer.pages.drive import drive_page
from elegans.viewer.pages.inspect_figures import circuit_bytes

_PICTURES = {
    "trajectories.png": "The same road, driven by each controller; shaded where there is fog.",
    "circuit.png": "The circuit as trained: a synapse is as wide as its largest weight, and grey "
    "where it has no sign, as through a time gate.",
    "training.png": "Training: imitation of the expert, then rounds of DAgger.",
}


def rows(result: Result) -> list[tuple[str, str]]:
    """The lines of the table: what was measured, and its value with the unit."""
    verdict = result.verdict
    against, _, error = described(result.errors).partition(": ")
    lines = [
        (f"lateral error, {name}", f"rms {one.rms * 100:.2f} cm, worst {one.worst * 100:.1f} cm")
        for name, one in result.drives.items()
    ]
    lines.append(
        (
            "board against float, closed loop",
            f"lateral error {result.drift:+.2%}, at most {result.apart * 100:.2f} cm apart",
        )
    )
    if verdict.instructions:
        lo, hi = verdict.instructions
        lines.append(("instructions a step", f"{lo}" if lo == hi else f"{lo} to {hi}"))
    lines += [
        ("flash of the model (code, tables, weights)", f"{verdict.flash_bytes} bytes"),
        ("RAM of the model", f"{verdict.ram_bytes} bytes"),
        ("steps a second over the serial port", f"{verdict.vectors_per_second:.0f}"),
        ("integers of 16 bits compared", f"{result.integers}"),
        ("integers different", f"{result.different}"),
        (against, error),
        ("whole demo", f"{result.seconds:.0f} s"),
    ]
    return lines


def table(result: Result) -> str:
    """The table as text, in two columns."""
    pairs = rows(result)
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in pairs)


def write_report(target: Path, result: Result) -> None:
    """Write `trajectories.png`, `circuit.png`, `demo.json` and `report.html` (pictures included) to
    ``target``, in which `export` is the BUILD."""
    draw_drives(result.drives, target / "trajectories.png")
    circuit = circuit_account(read_subject(target / "export", None))
    write_file(target / "circuit.png", circuit_bytes(result.model.name, circuit, "png"))
    write_file(target / "demo.json", json.dumps(dict(rows(result)), indent=1).encode() + b"\n")
    page = (
        environment(Path(__file__).parent, escape=True)
        .get_template("report.html.j2")
        .render(
            name=result.model.name,
            neurons=len(result.model.states),
            board=result.verdict.board,
            digest=result.model.digest,
            equal=result.different == 0,
            rows=rows(result),
            pictures=[(_inline(target / name), text) for name, text in _PICTURES.items()],
        )
    )
    write_file(target / "report.html", page.encode())


def write_drive(target: Path, short: bool) -> None:
    """Write `drive.html`, on which the export of ``target`` drives live; nothing without zig, which
    compiles its C to WebAssembly. ``short`` as in `Settings`."""
    if "zig" in cross_compilers():
        write_file(target / "drive.html", drive_page(target / "export", short=short).encode())


def _inline(path: Path) -> str:
    """A PNG as a data URL, so that the page is one file."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
