"""The reference: a page of every option, made from the commands, and pages of docstrings."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import click
from mkdocs.structure.files import File, Files

from elegans import trainer
from elegans.cli import main

# What a user's program imports; `elegans.trainer` lists its names itself.
PUBLIC = {
    "trainer": [
        *(f"{place}.{name}" for name, place in sorted(trainer._PLACES.items())),
        "chip_aware.fine_tune.fine_tune",
        "chip_aware.fine_tune.FineTuned",
        "chip_aware.limits.Limits",
        "chip_aware.on_device.OnDevice",
        "tasks.registry.train",
    ],
    "exporter": [
        "export.export",
        "export.Request",
        "build_folder.load_model",
        "build_folder.read_build_folder",
        "build_folder.BuildFolder",
        "cost.estimate.estimate",
        "cost.estimate.Cost",
        "ir.fixed_model.Model",
        "ir.fixed_model.Channel",
        "oracles.reference.run",
        "errors.ElegansError",
    ],
    "hil_tests": [
        "session.session.hil",
        "session.session.session",
        "session.session.BoardOptions",
        "session.session.Device",
        "session.compare.Verdict",
        "session.stream.run",
        "session.build_files.BuildModel",
        "plugin.device",
        "plugin.link",
        "plugin.model",
        "plugin.board",
        "plugin.right_bits",
        "wire.errors.HilError",
        "wire.errors.Phase",
    ],
}
_INTRODUCTIONS = {
    "trainer": "Layers, wirings and export for a training loop of your own: "
    "`from elegans.trainer import CfC`. [Training](../training.md) shows how they work together.",
    "exporter": "From an ONNX file to a BUILD, from Python. `elegans export` calls the same.",
    "hil_tests": "A board under test, from Python and as fixtures of pytest. "
    "[Hardware in the loop](../hil.md) shows how to use them.",
}


def on_startup(**_: Any) -> None:
    """Give mkdocstrings the packages alone: the checkout also holds environments."""
    root = Path(__file__).resolve().parents[2]
    folder = root / "build" / "docs-packages" / "elegans"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()
    for package in PUBLIC:
        link = folder / package
        if not link.is_symlink():
            link.symlink_to(root / package)


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages of the reference."""
    pages = {"cli": command_line()} | {package: docstrings(package) for package in PUBLIC}
    for name, text in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def docstrings(package: str) -> str:
    """The page of a package: a heading, and what mkdocstrings replaces."""
    entries = [f"::: elegans.{package}.{name}" for name in PUBLIC[package]]
    return "\n\n".join([f"# elegans.{package}", _INTRODUCTIONS[package], *entries]) + "\n"


def command_line() -> str:
    """Every command with its usage, options and examples, as `--help` has them."""
    parts = ["# Every option", "Made from what `elegans COMMAND --help` prints."]
    for path, command in _commands(main, ("elegans",)):
        name, settings = " ".join(path), main.context_settings
        with click.Context(command, info_name=name, **settings) as ctx:
            parts += [f"## {name}", *_command(command, ctx)]
    return "\n\n".join(parts) + "\n"


def _commands(
    command: click.Command, path: tuple[str, ...]
) -> list[tuple[tuple[str, ...], click.Command]]:
    inner = command.commands if isinstance(command, click.Group) else {}
    return [(path, command), *(e for n, c in inner.items() for e in _commands(c, (*path, n)))]


def _command(command: click.Command, ctx: click.Context) -> list[str]:
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    parts = [f"```text\n{usage}\n```", inspect.cleandoc(command.help or "")]
    records = [p.get_help_record(ctx) for p in command.get_params(ctx)]
    rows = [f"| {_code(names)} | {_cell(meaning)} |" for names, meaning in filter(None, records)]
    if rows:
        parts.append("\n".join(["| option | meaning |", "|---|---|", *rows]))
    example = [line[2:] for line in (command.epilog or "").splitlines() if line.startswith("  ")]
    return [*parts, "```text\n" + "\n".join(example) + "\n```"] if example else parts


def _code(text: str) -> str:
    return f"<code>{_cell(text)}</code>"


def _cell(text: str) -> str:
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;")):
        text = text.replace(mark, entity)
    return text.replace("*", "&#42;").replace("_", "&#95;")
