"""The kept corpus, and a small run beyond it: no crash, no overflow, no wrong answer."""

from __future__ import annotations

import pytest

from elegans.benchmarks.fuzz_link import BUILDS, compile_fuzzer, fuzz
from elegans.exporter.errors import ElegansError


@pytest.mark.parametrize("model", BUILDS)
def test_the_link_survives_the_corpus_and_a_short_hunt(tmp_path, model):
    try:
        program = compile_fuzzer(tmp_path, BUILDS[model])
    except ElegansError as missing:
        pytest.skip(str(missing))
    (new := tmp_path / "new").mkdir()
    status, said = fuzz(program, 50_000, new)
    assert status == 0, said[-3000:]
    assert "INITED" in said
