"""How the tests of a pytest run are distributed to the workers of ``-n``: board by board."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling


def board_scheduler(config: pytest.Config, log: Any, boards: Sequence[str]) -> Any:
    """As xdist's ``--dist loadgroup``; moreover, one worker runs all tests of a board."""
    scheduler = LoadGroupScheduling(config, log)
    scope_of_xdist = scheduler._split_scope

    def scope(nodeid: str) -> str:
        """The tests with the same scope go to one worker."""
        board = board_of(nodeid, boards)
        return str(scope_of_xdist(nodeid)) if board is None else f"board {board}"

    scheduler._split_scope = scope
    return scheduler


def board_of(nodeid: str, boards: Sequence[str]) -> str | None:
    """The board of a test, by the test's id: it comes first, ``test_mine.py::test_x[bench-1-255]``.

    The controller of xdist knows nothing else of a test. The ids of bench-1 and of bench-1-2
    cannot be told apart; both count as the shorter, so the two boards share a worker.
    """
    parameters = nodeid.partition("[")[2].rpartition("]")[0]
    found = (board for board in sorted(boards) if f"{parameters}-".startswith(f"{board}-"))
    return next(found, None)
