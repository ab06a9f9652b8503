"""A session on a real port: the right board with the right model, or a clear refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from elegans.exporter.errors import ElegansError
from elegans.hil_tests.session.session import BoardOptions, hil, session
from elegans.hil_tests.wire.errors import HilError, Phase, during
from elegans.tests.hil_tests.fake_device import BOARD, DIGEST, WIDE, Behaviour, FakeDevice


def test_hil_over_a_port_gives_a_verdict(fake_build: Path) -> None:
    with FakeDevice() as device:
        verdict = hil(fake_build, BOARD, BoardOptions(port=device.port))
    assert (verdict.board, verdict.mismatches, verdict.flash_bytes) == (BOARD, 0, None)


def test_another_board_on_the_port_is_refused_by_name(fake_build: Path) -> None:
    with FakeDevice(Behaviour(board="microbit")) as device:
        with pytest.raises(HilError, match="'microbit', 'fake-board' was asked for") as failure:
            hil(fake_build, BOARD, BoardOptions(port=device.port))
        assert device.requests == 0
    assert failure.value.phase is Phase.SYNC


def test_another_model_on_the_board_is_refused_with_both_digests(fake_build: Path) -> None:
    with FakeDevice(Behaviour(digest="ab" * 32)) as device:
        with pytest.raises(HilError) as failure:
            hil(fake_build, BOARD, BoardOptions(port=device.port))
        assert device.requests == 0
    assert "ab" * 16 in failure.value.fact
    assert DIGEST[:32] in failure.value.fact
    assert failure.value.phase is Phase.SYNC


def test_states_of_another_width_on_the_board_are_refused(fake_build: Path) -> None:
    with FakeDevice(Behaviour(shape=WIDE)) as device:
        with pytest.raises(HilError) as failure:
            hil(fake_build, BOARD, BoardOptions(port=device.port))
        assert device.requests == 0
    assert "5 states of 32 bits, elapsed time of 32 bits; model.json" in failure.value.fact
    assert failure.value.fact.endswith("5 states of 16 bits, elapsed time of 16 bits")
    assert failure.value.phase is Phase.SYNC


def test_the_port_is_free_after_a_refusal(fake_build: Path) -> None:
    with FakeDevice() as device:
        with pytest.raises(HilError, match="was asked for"):
            hil(fake_build, "microbit", BoardOptions(port=device.port))
        with session(fake_build, BOARD, BoardOptions(port=device.port)) as met:
            assert met.hello.board == BOARD


def test_a_bad_build_is_reported_before_a_port_is_opened(tmp_path: Path) -> None:
    with pytest.raises(ElegansError, match=r"model\.json"):
        hil(tmp_path, BOARD, BoardOptions(port=str(tmp_path / "no-port")))


def test_an_error_keeps_the_phase_that_it_names_itself() -> None:
    with pytest.raises(HilError) as plain, during(Phase.BUILD):
        raise ElegansError("cc", "is missing", "install it")
    with pytest.raises(HilError) as named, during(Phase.BUILD):
        raise HilError(Phase.SYNC, "a", "b", "c")
    assert (plain.value.phase, named.value.phase) == (Phase.BUILD, Phase.SYNC)
    assert str(plain.value) == "cc: is missing; install it"
