"""The kept corpus, and a small run beyond it: no crash, no overflow, no wrong answer."""

from __future__ import annotations

import pytest

from elegans.benchmarks.fuzz_link import compile_fuzzer, fuzz
from elegans.exporter.errors import ElegansError


def test_the_link_survives_the_corpus_and_a_short_hunt(tmp_path):
    try:
        program = compile_fuzzer(tmp_path)
    except ElegansError as missing:
        pytest.skip(str(missing))
    (new := tmp_path / "new").mkdir()
    status, said = fuzz(program, 100_000, new)
    assert status == 0, said[-3000:]
    assert "INITED" in said
