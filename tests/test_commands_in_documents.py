"""Every command that a document prints is executed, or its names and options are checked."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.tests.documents import DOCUMENTS, Command, blocks, commands, name, table
from elegans.tests.places import CHECKOUT, WORM

_SITE = CHECKOUT / "docs" / "site.md"
_ALL = [command for document in DOCUMENTS for command in commands(document)]
_WHOLE = "examples/from_csv.md"  # tests/test_train_own_data.py executes all of it
_ELSEWHERE = [
    pattern
    for cell, _ in table(_SITE, "The commands in these documents")
    for pattern in re.findall(r"`([^`]+)`", cell)
]


def _excused(command: Command) -> list[str]:
    """The patterns of the table in site.md that this command matches."""
    words = f" {' '.join(command.words)} "
    return [pattern for pattern in _ELSEWHERE if f" {pattern} " in words]


def _executed() -> dict[str, list[Command]]:
    """By document, what is executed: one command of each form."""
    found: dict[str, list[Command]] = {}
    seen = set()
    for command in _ALL:
        if not command.block or _excused(command) or name(command.document) == _WHOLE:
            continue
        if command.form not in seen:
            seen.add(command.form)
            found.setdefault(name(command.document), []).append(command)
    return found


_EXECUTED = _executed()


@pytest.mark.parametrize("command", _ALL, ids=lambda c: f"{c.document.name}: {c.text}"[:70])
def test_a_command_has_names_and_options_that_exist(command, pytestconfig):
    program, *arguments = command.words
    if program == "pytest":
        for option in (a for a in arguments if a.startswith("-")):
            pytestconfig.getoption(option)  # ValueError if there is none
        for path in (a for a in arguments if "/" in a and a.endswith(".py")):
            assert (CHECKOUT / path).exists(), path
    checks = {"elegans": _elegans, "python": _python, "make": _make, "pip": _pip}
    checks.get(program, lambda _: None)(arguments)


def test_what_is_not_executed_is_in_the_table_and_nothing_else_is():
    used = {pattern for command in _ALL for pattern in _excused(command)}
    assert set(_ELSEWHERE) == used
    assert sum(len(c) for c in _EXECUTED.values()) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("document", _EXECUTED)
def test_the_commands_of_a_document_run_as_they_are_printed(document, workplace):
    for command in _EXECUTED[document]:
        program, *arguments = command.words
        if program == "elegans":
            result = CliRunner().invoke(main, arguments)
            assert result.exit_code == 0, f"{command.text}: {result.output}"
        elif program == "python":
            script = Path(arguments[0]) if Path(arguments[0]).exists() else CHECKOUT / arguments[0]
            line = [sys.executable, str(script), *arguments[1:]]
            if arguments[0] == "-m":
                line = [sys.executable, *arguments]
            done = subprocess.run(line, capture_output=True, text=True, timeout=120, cwd=workplace)
            assert done.returncode == 0, f"{command.text}: {done.stderr}"
        elif program not in ("cd", "."):
            pytest.fail(f"nothing executes {command.text}")


@pytest.fixture(scope="session")
def _prepared(tmp_path_factory):
    """The BUILD build/model, an ONNX step of 8 inputs, and a table of their ranges."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from elegans.trainer import AutoNCP, CfC, export_onnx

    folder = tmp_path_factory.mktemp("documents")
    result = CliRunner().invoke(main, ["export", str(WORM), "-o", str(folder / "model")])
    assert result.exit_code == 0, result.output
    torch.manual_seed(302)
    export_onnx(CfC(8, AutoNCP(8, 1)), 8, folder / "step.onnx")
    head = ",".join(f"x{i}" for i in range(8))
    rows = np.random.default_rng(302).uniform(-1, 1, (50, 8))
    np.savetxt(folder / "train.csv", rows, delimiter=",", header=head, comments="")
    return folder


@pytest.fixture
def workplace(document, _prepared, tmp_path, monkeypatch):
    """A folder with the files that a document names, in which its commands then run."""
    monkeypatch.chdir(tmp_path)
    for build in ("model", "old"):
        shutil.copytree(_prepared / "model", tmp_path / "build" / build)
    for model in ("build/lane/model.onnx", "build/motions/model.onnx", "first.onnx", "model.onnx"):
        (tmp_path / model).parent.mkdir(exist_ok=True)
        shutil.copy(WORM, tmp_path / model)
    for file in ("step.onnx", "train.csv"):
        shutil.copy(_prepared / file, tmp_path / file)
    inputs = np.zeros((20, 3), np.float32)
    rows = np.column_stack([inputs, np.full(20, 0.05)])
    np.savetxt("drive.csv", rows, delimiter=",", header="touch,heat,salt,dt", comments="")
    np.savez(tmp_path / "x.npz", x=inputs, dt=np.full(20, 0.05, np.float32))
    written = CHECKOUT / document
    _write_what_it_prints(written, tmp_path)
    return tmp_path


def _write_what_it_prints(document: Path, folder: Path) -> None:
    """The files whose text a document has: a program, and a board of one's own."""
    named = re.findall(r"file `(\w+\.py)`", document.read_text())
    for file, text in zip(named, blocks(document, "python"), strict=False):
        (folder / file).write_text(text)
    if document.name == "ncps.md":
        pytest.importorskip("ncps", reason="ncps is not installed (pip install ncps)")
        exec(blocks(document, "python")[0], {})
    if document.name == "boards.md":
        (folder / "desk").mkdir()
        (folder / "desk" / "my-board.toml").write_text(blocks(document, "toml")[0])
        (folder / "desk" / "my-board.c").write_text(blocks(document, "c")[0])


def _elegans(arguments: list[str]) -> None:
    """Parses the arguments as click does, and checks the choices among them."""
    command: click.Command = main
    while isinstance(command, click.Group) and arguments and arguments[0] in command.commands:
        command, arguments = command.commands[arguments[0]], arguments[1:]
    if command is main and arguments:
        assert arguments[0].isupper() or arguments[0].startswith("-"), arguments
        return
    arguments = [a for a in arguments if a not in ("...", "…", "--debug")]
    if arguments and arguments[-1].startswith("-") and "=" not in arguments[-1]:
        known = {o: p for p in command.params for o in p.opts}
        option = known.get(arguments[-1])
        arguments += ["VALUE"] if isinstance(option, click.Option) and not option.is_flag else []
    with click.Context(command, help_option_names=["-h", "--help"]) as ctx:
        given, _, _ = command.make_parser(ctx).parse_args(list(arguments))
    for parameter in command.params:
        value = given.get(parameter.name)
        values = value if isinstance(value, list) else [value]
        for text in values if isinstance(parameter.type, click.Choice) else []:
            if isinstance(text, str) and not text.isupper():
                assert text in parameter.type.choices, f"{parameter.name}: {text}"


def _python(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        module, rest = arguments[1], arguments[2:]
        if module == "build":
            return
        file = CHECKOUT / f"{module.removeprefix('elegans.').replace('.', '/')}.py"
    else:
        file, rest = CHECKOUT / arguments[0], arguments[1:]
        if not file.exists():
            assert any(f"file `{arguments[0]}`" in d.read_text() for d in DOCUMENTS)
            return
    text = file.read_text()
    for option in (a.split("=")[0] for a in rest if a.startswith("--")):
        assert f'"{option}"' in text, f"{file.name} has no {option}"


def _make(arguments: list[str]) -> None:
    targets = re.findall(r"^(\w+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert arguments[0] in targets


def _pip(arguments: list[str]) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    for extras in re.findall(r"(?:elegans|\.)\[(.*?)\]", " ".join(arguments)):
        assert set(extras.split(",")) <= set(project["optional-dependencies"]), extras


def test_every_figure_is_made_by_a_command_of_the_table(pytestconfig):
    rows = table(_SITE, "Where the figures come from")
    made = {figure.strip("`"): command.strip("`") for figure, command in rows}
    pictures = {p.relative_to(CHECKOUT).as_posix() for p in CHECKOUT.glob("docs/images/*")}
    assert pictures == set(made)
    for command in made.values():
        call = Command(_SITE, command, block=True)
        test_a_command_has_names_and_options_that_exist(call, pytestconfig)
    shown = "".join(d.read_text() for d in DOCUMENTS)
    for picture in pictures:
        assert Path(picture).name in shown, picture
