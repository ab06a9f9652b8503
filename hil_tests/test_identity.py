"""Identity: the name of the board, the model that it runs, and its limits."""

from __future__ import annotations

import pytest

from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import BuildModel
from elegans.hil_tests.session.session import Device
from elegans.hil_tests.session.stream import most_steps


def test_the_board_reports_its_name(link: Link, device: Device) -> None:
    assert link.peer.board == device.board


def test_the_board_runs_this_model(link: Link, model: BuildModel) -> None:
    assert model.digest.startswith(link.peer.model_digest.hex())
    assert link.peer.shape == model.shape


def test_the_board_runs_the_firmware_that_was_built(device: Device) -> None:
    if device.firmware is None:
        pytest.skip("a board given by its port alone keeps the firmware that it has")
    assert device.firmware.firmware_digest.startswith(device.hello.firmware_digest.hex())


def test_the_board_has_room_for_a_step(link: Link) -> None:
    assert most_steps(link) >= 1


def test_the_board_was_not_reset_by_a_fault(link: Link) -> None:
    assert link.peer.reset != "fault"
    assert link.peer.fault_pc == 0


def test_every_handshake_reports_the_same_board(link: Link) -> None:
    assert {(p.board, p.model_digest, p.credit) for p in (link.hello(), link.hello())} == {
        (link.peer.board, link.peer.model_digest, link.peer.credit)
    }
