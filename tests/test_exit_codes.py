"""What was asked for wrongly: one line on stderr, no traceback, exit code 2, whichever option."""

from __future__ import annotations

import shutil

import click
import numpy as np
import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.commands.options.values import Checked
from elegans.tests.places import GOLDEN


def _call(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["export", "none.onnx", "-o", "OUT"], 2, "none.onnx: cannot be read (No such file"),
        (["export", "none.onnx"], 2, "Missing option '-o'"),
        (["export", "m.onnx", "-o", "OUT", "--input-range", "1-2"], 2, "not [NAME=]LO:HI"),
        (["export", "m.onnx", "-o", "OUT", "--input-format", "uint16"], 2, "count - 32768"),
        (["export", "m.onnx", "-o", "OUT", "--dt", "1", "--dt-range", "0:1"], 2, "leave out"),
        (["build", "no-such-build"], 2, "no-such-build"),
        (["build", "x", "--level", "9"], 2, "Invalid value"),
        (["export", "m.onnx", "-o", "OUT", "--layout", "2"], 2, "Invalid value"),
        (["hil", "no-such-build"], 2, "no-such-build"),
        (["hil", "x", "--board", "pdp-11"], 2, "there is no board of this name"),
        (["hil", "x", "--board", "microbit", "--board", "microbit"], 2, "is given twice"),
        (["hil", "x", "--emulator", "bochs"], 2, "Invalid value"),
        (["hil", "x", "--map", "none.toml"], 2, "none.toml: cannot be read"),
        (["hil", "x", "--name", "bench-1"], 2, "add its --map"),
        (["hil", "x", "--tests", "none.py"], 2, "does not exist"),
        (["train", "chess", "-o", "OUT"], 2, "there is no such task, file or folder"),
        (["run", "none", "--input", "a.npz", "--output", "b.npz"], 2, "model.json: is not there"),
        (["hil", "x", "--html", "m.onnx"], 2, "m.onnx is there and is no .html file"),
        (["hil", "x", "--junit", "m.onnx"], 2, "m.onnx is there and is no .xml file"),
        (["bench", "x", "--header", "m.onnx"], 2, "m.onnx is there and is no .h file"),
        (["frobnicate"], 2, "No such command"),
        (["export", "m.onnx", "-o", "OUT", "--accept-error", "nan"], 2, "nan is not a number"),
        (["train", "lane", "-o", "OUT", "--lr", "nan"], 2, "nan is not a number"),
        (
            ["export", "m.onnx", "-o", "m.onnx/x"],
            2,
            "lies in m.onnx, which is a file",
        ),
    ],
)
def test_wrong_calls_end_with_one_line_and_no_traceback(
    tmp_path, monkeypatch, arguments, code, text
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    result = _call(*arguments)
    assert result.exit_code == code, result.output
    assert text in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "OUT").exists()


_EXPORT = ("export", "worm.onnx", "-o", "OUT")
_TRAIN = ("train", "table.csv", "-o", "OUT", "--time", "t", "--target", "b")
_RUN = ("run", "BUILD", "--input", "data.npz", "--output", "OUT")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a model, its BUILD, data for it, and a table to train on."""
    folder = tmp_path_factory.mktemp("codes")
    shutil.copy(GOLDEN / "worm.onnx", folder / "worm.onnx")
    assert _call("export", folder / "worm.onnx", "-o", folder / "BUILD").exit_code == 0
    np.savez(folder / "data.npz", x=np.zeros((20, 3)), dt=np.full(20, 0.1))
    rows = (f"{i / 10},{i % 7},{i % 5}" for i in range(60))
    (folder / "table.csv").write_text("\n".join(("t,a,b", *rows, "")))
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        # what is wrong with a value beside the model, the data or the board
        (*_EXPORT, "--input-range", "none=0:1"),
        (*_EXPORT, "--input-range", "0:1", "--input-range", "0:1"),
        (*_EXPORT, "--input-format", "none=uint12"),
        (*_EXPORT, "--input-format", "uint12", "--input-format", "uint12"),
        (*_EXPORT, "--state-range", "none=0:1"),
        (*_EXPORT, "--output-range", "none=0:1"),
        (*_EXPORT, "--state", "a:b"),
        (*_EXPORT, "--elapsed", "none"),
        (*_RUN, "--labels", "none"),
        (*_RUN, "--on", "pdp-11"),
        ("compare", "BUILD", "--input", "data.npz", "--labels", "none"),
        (*_TRAIN, "--inputs", "none"),
        (*_TRAIN, "--group", "none"),
        (*_TRAIN, "--test", "none"),
        (*_TRAIN, "--wiring", "ncp:2"),
        (*_TRAIN, "--augment", "noise=nan"),
        (*_TRAIN, "--neurons", "3"),
        ("robust", *_TRAIN[1:], "--cells", "none"),
        ("robust", *_TRAIN[1:], "--rates", "nan"),
        ("robust", *_TRAIN[1:], "--study", "size", "--sizes", "0:0"),
        ("sweep", *_TRAIN[1:], "--neurons", "5:1"),
        ("sweep", *_TRAIN[1:], "--weights", "int32"),
        ("sweep", *_TRAIN[1:], "--objectives", "none"),
        ("sweep", *_TRAIN[1:], "--disturb", "noise=nan"),
        ("package", "BUILD", "--for", "cmake", "-o", "OUT", "--version", "one"),
        ("flash", "BUILD", "--drive", "folder"),
        # files
        (*_EXPORT, "--ranges-from", "none.csv"),
        (*_EXPORT, "--recording", "none.npz"),
        (*_EXPORT, "--recording", "BUILD"),
        (*_EXPORT, "--weights-for", "none"),
        ("export", "BUILD", "-o", "OUT"),
        ("run", "BUILD", "--input", "none.csv", "--output", "OUT.npz"),
        (*_RUN[:-1], "OUT.txt"),
        ("compare", "BUILD", "--input", "data.npz", "--plot", "OUT.txt"),
        ("inspect", "BUILD", "-o", "OUT", "--input", "none.npz"),
        ("monitor", "BUILD", "--input", "none.npz"),
        ("bench", "BUILD", "--measure", "csv", "--trace", "none.csv"),
        ("build", "BUILD", "--board", "none.toml"),
        ("train", "lane", "-o", "OUT", "--data", "none"),
        ("sweep", "none", "-o", "OUT", "--pick", "flash<5"),
        ("verify", "none"),
        # what is there already
        ("export", "worm.onnx", "-o", "table.csv"),
        ("train", "lane", "-o", "table.csv"),
        ("package", "BUILD", "--for", "cmake", "-o", "table.csv"),
        ("package", "BUILD", "--for", "cmake", "-o", "table.csv/folder"),
        ("run", "BUILD", "--input", "data.npz", "--output", "BUILD"),
        ("compare", "BUILD", "--input", "data.npz", "--plot", "BUILD"),
        ("inspect", "BUILD", "-o", "worm.onnx"),
        ("monitor", "BUILD", "--input", "data.npz", "--csv", "worm.onnx"),
        ("boards", "scan", "-o", "worm.onnx"),
    ],
    ids=lambda arguments: "_".join(arguments[0:1] + arguments[-2:]),
)
def test_what_does_not_fit_or_is_not_there_was_asked_for_wrongly(made, monkeypatch, arguments):
    monkeypatch.chdir(made)
    result = _call(*arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert not (made / "OUT").exists()


_WRONG = {"INT": "-1", "FLOAT": "nan", "TYPE": "uint99", "NAME": "Two words", "LO:HI": "0:0"}
"""By how a value is written: one that is written so, and that no option takes."""


def _numbers_and_ranges():
    """(verb, option, wrong value) of every option whose value is checked by itself."""
    for verb, command in main.commands.items():
        for option in command.params:
            kind = type(option.type)
            if isinstance(option.type, click.types.IntParamType):
                assert kind is click.IntRange, (verb, option.opts)
                yield verb, option.opts[0], _WRONG["INT"]
            elif isinstance(option.type, click.types.FloatParamType):
                yield verb, option.opts[0], _WRONG["FLOAT"]
            elif kind is Checked:
                name = option.type.name
                key = name if name in _WRONG else "TYPE" if "TYPE" in name else "LO:HI"
                yield verb, option.opts[0], _WRONG[key]


@pytest.mark.parametrize(("verb", "option", "value"), list(_numbers_and_ranges()))
def test_a_value_that_its_option_does_not_take_is_refused_before_anything_is_read(
    verb, option, value
):
    result = _call(verb, option, value)
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.output
