"""The edge of the program: clean text, one line for every error, streams that cannot be written."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from elegans import cli
from elegans.commands import lab
from elegans.commands.edge import printable
from elegans.tests.places import CHECKOUT

_ELEGANS = [sys.executable, "-c", "from elegans.cli import main; main()"]


@given(st.text())
def test_nothing_that_moves_a_cursor_is_printed(text):
    for character in printable(text):
        assert character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"))))
def test_plain_text_is_printed_as_it_is(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\rb\x08", r"a\rb\x08"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("state\nnext\tcolumn", "state\nnext\tcolumn"),
        ("\udc80", r"\udc80"),
    ],
)
def test_an_escape_sequence_is_shown_and_not_obeyed(hostile, shown):
    assert printable(hostile) == shown


def test_a_hostile_name_reaches_the_terminal_as_text(tmp_path):
    result = CliRunner().invoke(cli.main, ["build", str(tmp_path / "a\x1b[2Jb")])
    assert result.exit_code == 2
    assert r"a\x1b[2Jb" in result.output
    assert "\x1b" not in result.output


@pytest.fixture
def broken(monkeypatch):
    """A command whose code raises what nobody has foreseen."""

    def fail(_as_json: bool) -> str:
        raise KeyError("chip\x1b[31m")

    monkeypatch.setattr(lab, "describe_boards", fail)


def test_an_unforeseen_exception_is_one_line_with_its_place(broken):
    result = CliRunner().invoke(cli.main, ["boards"])
    assert result.exit_code == 1
    assert re.fullmatch(
        r"elegans: tests/test_edge\.py:\d+: KeyError: 'chip\\x1b\[31m'; this is a bug in "
        r"elegans: report it with what `elegans --debug \.\.\.` prints, .*\n",
        result.output,
    )


@pytest.mark.parametrize("arguments", [["--debug", "boards"], ["boards", "--debug"]])
def test_debug_shows_the_traceback_before_that_line(broken, arguments):
    result = CliRunner().invoke(cli.main, arguments)
    assert result.exit_code == 1
    assert result.output.startswith("Traceback")
    assert result.output.splitlines()[-1].startswith("elegans: ")


def test_a_memory_that_is_not_enough_is_no_bug(monkeypatch):
    def fail(_as_json: bool) -> str:
        raise MemoryError

    monkeypatch.setattr(lab, "describe_boards", fail)
    result = CliRunner().invoke(cli.main, ["boards"])
    assert result.exit_code == 1
    assert result.output == (
        "elegans: the memory is not enough; give it a smaller file, or more memory\n"
    )


@pytest.mark.parametrize("arguments", [["boards"], ["doctor"], ["boards", "--json"]])
def test_a_full_disk_behind_stdout_is_said_on_stderr(arguments):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*_ELEGANS, *arguments], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.decode() == (
        "elegans: stdout: cannot be written: No space left on device; "
        "free space, or send it elsewhere\n"
    )


def test_a_full_disk_behind_stderr_changes_no_exit_code(tmp_path):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*_ELEGANS, "build", str(tmp_path)], stderr=full)
    assert done.returncode == 2


def test_commands_print_through_one_function_only():
    files = [CHECKOUT / "cli.py", *(CHECKOUT / "commands").rglob("*.py")]
    printing = [f.name for f in files if re.search(r"click\.s?echo\(|\bprint\(", f.read_text())]
    assert printing == ["edge.py"]
