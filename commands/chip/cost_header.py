"""`elegans bench --header FILE`: the measured cost of a step as macros of C."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from elegans.boards.profiling.cycles import MODELLED
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_file
from elegans.exporter.templates import environment


def write_cost_header(build: Path, found: dict[str, Any], path: Path) -> None:
    """Write the figures of one board as a header.

    Raises `ElegansError` if a branch depends on the data, so that there is no bound, or if an
    integer was wrong.
    """
    count = found["instructions_per_step"]
    if found["branches_by_data"] or count["min"] != count["max"]:
        fact = f"has no bound on {found['board']}: a branch of a step depends on the data"
        raise ElegansError(build, fact, "use a board whose core has kernels of its own, or -O2")
    if found["different"]:
        fact = f"computes {found['different']} wrong integers on {found['board']}"
        raise ElegansError(build, fact, "this is a defect of the generated C: report it")
    model = read_build_folder(build)
    text = (
        environment()
        .get_template("cost.h.j2")
        .render(
            name=model.name,
            NAME=model.name.upper(),
            version=version("elegans"),
            digest=model.digest,
            core=found["core"],
            compiler=found["compiler"],
            level=found["optimise"],
            instructions=count["max"],
            cycles=None if found["core"] in MODELLED else found["cycles"],
            stack=found["stack_bytes"],
            flash=found["flash_bytes"],
            ram=found["ram_bytes"],
        )
    )
    write_file(path, text.encode())
