"""Progress tells how long it will still take, from the first second on."""

from __future__ import annotations

import io
import sys

import pytest

from elegans.trainer import progress


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_tell_what_is_left_half_a_second_after_the_beginning(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.shown() as show:
        for done in range(101):
            show("train", done, 100, "")
            now[0] += 0.2
    lines = capsys.readouterr().err.splitlines()
    assert lines[:3] == [
        "train: 0/100",
        "train: 3/100, about 19 s left",
        "train: 10/100, about 18 s left",
    ]
    assert lines[-1] == "train: 100/100"


def test_the_bar_of_a_terminal_has_the_time_that_is_left(monkeypatch):
    pytest.importorskip("rich")
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress.shown() as show:
        show("load", 0, 1, "torch")
        for done in range(6):
            show("train", done, 5, "epoch 1")
    text = terminal.getvalue()
    assert "epoch 1" in text
    assert "left" in text
    assert "0:00:0" in text
