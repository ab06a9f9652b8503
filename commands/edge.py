"""The edge of the program: what is printed there is printable, and every error ends in one line."""

from __future__ import annotations

import contextlib
import os
import traceback
import unicodedata
from pathlib import Path
from types import TracebackType

import click

from elegans.exporter.errors import ElegansError

_PACKAGE = Path(__file__).resolve().parents[1]
_KEPT = "\n\t"
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Unicode's categories of characters that move the cursor, hide text or reverse its order."""
_LONGEST = 400  # of an unexpected exception's own text


def printable(text: str) -> str:
    """The text with every control character written as its number, as in \\x1b.

    Names and messages come from files and from boards, and a terminal obeys what it receives:
    an escape sequence can rename its window, hide a line, or answer as if somebody had typed.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c
        if c in _KEPT or unicodedata.category(c) not in _UNSAFE
        else c.encode("unicode_escape", "surrogatepass").decode()
        for c in text
    )


def say(text: object, err: bool = False) -> None:
    """Print a line on stdout, or on stderr. All that the commands print goes through here.

    Raises `ElegansError` if the stream cannot be written; a pipe that nobody reads any more, as
    behind ``| head``, is left to click.
    """
    try:
        click.echo(printable(str(text)), err=err)
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop(2 if err else 1)
        name = "stderr" if err else "stdout"
        raise ElegansError(
            name, f"cannot be written: {error.strerror}", "free space, or send it elsewhere"
        ) from None


def complain(text: object) -> None:
    """Print a line on stderr, if stderr takes it."""
    with contextlib.suppress(ElegansError):
        say(text, err=True)


def unexpected(error: Exception) -> str:
    """The line for an exception that nobody has foreseen: what, where, and how to report it."""
    if isinstance(error, MemoryError):
        return "elegans: the memory is not enough; give it a smaller file, or more memory"
    fact = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST].rstrip(": ")
    return (
        f"elegans: {_place(error.__traceback__)}: {fact}; this is a bug in elegans: report it "
        "with what `elegans --debug ...` prints, and with the file if there is one"
    )


def _place(trace: TracebackType | None) -> str:
    """The innermost line of elegans itself, as file:line."""
    frames = [(Path(f.filename), f.lineno) for f in traceback.extract_tb(trace)]
    own = [
        f"{path.relative_to(_PACKAGE)}:{line}"
        for path, line in frames
        if path.is_relative_to(_PACKAGE) and "site-packages" not in path.relative_to(_PACKAGE).parts
    ]
    return own[-1] if own else "cli.py"


def _drop(descriptor: int) -> None:
    """Let a stream that cannot be written lead nowhere: Python flushes it once more at its end."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
