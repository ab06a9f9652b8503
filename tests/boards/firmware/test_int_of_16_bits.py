"""Targets on which C computes in 16 bits: refused when a model is compiled for them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from elegans.tests.places import GOLDEN


def _preprocess(target: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ziglang", "cc", "-target", target, "-ffreestanding", "-E"]
    command += ["-I.", "-Iruntime/include", "worm.c"]
    return subprocess.run(
        command, cwd=GOLDEN / "worm", capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize("target", ["avr-freestanding-none", "msp430-freestanding-none"])
def test_a_model_does_not_compile_where_int_has_16_bits(target):
    pytest.importorskip("ziglang")
    done = _preprocess(target)
    assert done.returncode != 0
    assert "elegans needs a target on which int has 32 bits" in done.stderr


@pytest.mark.parametrize("target", ["thumb-freestanding-eabi", "riscv32-freestanding-none"])
def test_a_model_passes_the_same_check_where_int_has_32_bits(target):
    pytest.importorskip("ziglang")
    done = _preprocess(target)
    assert done.returncode == 0, done.stderr
