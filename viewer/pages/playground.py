"""The playground of the ideas: one page whose chapters run the C of small BUILDs.

    python -m elegans.viewer.pages.playground -o playground.html
    python -m elegans.viewer.pages.playground --make

The first writes the page. The second makes `playground_data/` anew: it trains the networks, exports
and compiles them, and measures their instructions on an emulated Cortex-M4.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_file
from elegans.viewer.pages.page import HERE, page

DATA = HERE / "playground_data"
NETWORKS_FILE = DATA / "networks.json"
_ROW = ("size", "numbers", "cell")
_FIGURES = ("mean", "low", "high")
_TITLE = "elegans: a playground of liquid neurons"


def playground(robustness: Iterable[Path] = ()) -> str:
    """The HTML of the page, from what `make` has left in `playground_data/`.

    robustness  the files results.json of `elegans robust`: a chapter more, if there are any

    Raises `ElegansError` for a file of another kind.
    """
    data = json.loads(NETWORKS_FILE.read_text(encoding="utf-8"))
    data["studies"] = [_study(path) for path in robustness]
    values = {"costs": data["costs"], "studies": bool(data["studies"])}
    return page("playground", _TITLE, values, data)


def _study(path: Path) -> dict[str, Any]:
    """What the page shows of a study: means and intervals by size, condition and cell."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        settings = found["settings"]
        every = (row for row in found["rows"] if _shown(row))
        rows = [
            {key: str(row[key]) for key in _ROW}
            | {key: float(row[key]) for key in _FIGURES}
            | {"condition": _condition(row)}
            for row in every
        ]
        texts = {key: str(found[key]) for key in ("task", "error", "result")}
        title, seeds = str(settings["study"]), int(settings["seeds"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        fact = f"is no results.json of elegans robust: {error!r:.80}"
        raise ElegansError(path, fact, "run `elegans robust` again") from None
    return texts | {"title": title, "seeds": seeds, "rows": rows}


def _shown(row: dict[str, Any]) -> bool:
    """Whether a row is a mean over all strengths, or of the study of time, whose strengths are the
    shares of samples that are lost."""
    return row["strength"] is None or row["condition"].startswith("time ")


def _condition(row: dict[str, Any]) -> str:
    strength = row["strength"]
    lost = "" if strength is None else f", {strength:.0%} lost"
    return f"{row['condition']}{lost}"


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
@click.option(
    "--robustness",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    multiple=True,
    help="results.json of a study of `elegans robust`; repeat it for several",
)
@click.option("--make", "again", is_flag=True, help="first make the networks of the page anew")
def main(output: Path, robustness: tuple[Path, ...], again: bool) -> None:
    """Write the playground of the ideas as one file of HTML."""
    if again:
        text = json.dumps(make(), indent=None, separators=(",", ":"), sort_keys=True)
        write_file(NETWORKS_FILE, text.replace('},"', '},\n"').encode() + b"\n")
    write_file(output, playground(robustness).encode())
    click.echo(output)


if __name__ == "__main__":
    main()
