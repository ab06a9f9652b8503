"""The playground of the ideas: one page whose chapters run the C of small BUILDs.

    python -m elegans.viewer.pages.playground -o playground.html
    python -m elegans.viewer.pages.playground --make

The first writes the page. The second makes `playground_data/` anew: it trains the networks, exports
and compiles them, and measures their instructions on an emulated Cortex-M4.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click

from elegans.exporter.files import write_file
from elegans.viewer.pages.page import HERE, page

DATA = HERE / "playground_data"
NETWORKS_FILE = DATA / "networks.json"
_TITLE = "elegans: a playground of liquid neurons"


def playground() -> str:
    """The HTML of the page, from what `make` has left in `playground_data/`."""
    data = json.loads(NETWORKS_FILE.read_text(encoding="utf-8"))
    return page("playground", _TITLE, {"costs": data["costs"]}, data)


def make() -> dict[str, Any]:
    """Make the networks of the page: their ONNX files in `playground_data/`, and the JSON that
    the page's script reads. Needs torch, zig and unicorn; takes six minutes."""
    from elegans.viewer.pages import playground_networks as source

    networks: dict[str, Any] = {}
    costs: dict[str, Any] = {}
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name in [*source.NETWORKS, *source.MEASURED_ONLY]:
            folder = DATA if name in source.NETWORKS else Path(scratch)
            known = source.make_model(name, folder)
            build = Path(scratch) / name
            data = source.make_build(folder / f"{name}.onnx", build)
            costs[name] = source.measure(build)
            if name in source.NETWORKS:
                networks[name] = data | known
            click.echo(f"{name}: {costs[name]['instructions'][1]:,} instructions", err=True)
    return {"networks": networks, "costs": costs}


@click.command(epilog="Example: python -m elegans.viewer.pages.playground -o playground.html")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="playground.html",
    show_default=True,
)
@click.option("--make", "again", is_flag=True, help="first make the networks of the page anew")
def main(output: Path, again: bool) -> None:
    """Write the playground of the ideas as one file of HTML."""
    if again:
        text = json.dumps(make(), indent=None, separators=(",", ":"), sort_keys=True)
        write_file(NETWORKS_FILE, text.replace('},"', '},\n"').encode() + b"\n")
    write_file(output, playground().encode())
    click.echo(output)


if __name__ == "__main__":
    main()
