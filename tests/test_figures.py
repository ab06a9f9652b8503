"""What a step costs may not grow unseen."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ncps", reason="ncps is not installed (pip install ncps)")
_HOUSE = Path(__file__).resolve().parents[1]


def _worse():
    """benchmarks/ is no part of the package, so it is loaded by its path."""
    spec = importlib.util.spec_from_file_location("figures", _HOUSE / "benchmarks" / "figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.worse


def test_no_figure_is_more_than_2_percent_worse_than_the_committed_one(tmp_path):
    command = [sys.executable, "-m", "benchmarks.figures", "--nets", str(tmp_path), "--check"]
    command += ["--compiler", "zig", "--board", "microbit", "--board", "mps2-an386"]
    kinds = ["ncp19", "ncp19, size, int8", "cfc32"]
    command += [part for kind in kinds for part in ("--kind", kind)]
    done = subprocess.run(command, cwd=_HOUSE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_worse_figure_is_told():
    worse = _worse()
    row = {"instructions": 1000, "flash_bytes": 500, "ram_bytes": 56, "stack_bytes": None}
    old = {"ncp19 / microbit / zig": row | {"constant": True}}
    new = {"ncp19 / microbit / zig": row | {"instructions": 1021, "constant": False}}
    complaints = worse(old, new)
    assert [c.split(": ")[1].split()[0] for c in complaints] == ["instructions", "the"]
    assert not worse(
        old, {"ncp19 / microbit / zig": row | {"instructions": 1020, "constant": True}}
    )
