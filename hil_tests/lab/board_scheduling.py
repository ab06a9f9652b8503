"""How the tests of a pytest run are distributed to the workers of ``-n``: board by board."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling


def board_scheduler(config: pytest.Config, log: Any, boards: Sequence[str]) -> Any:
    """As xdist's ``--dist loadgroup``; moreover, one worker runs all tests of a board.

    The controller of xdist knows nothing of a test but its id. In it the board comes first:
    ``test_mine.py::test_x[bench-1-255]``.
    """
    scheduler = LoadGroupScheduling(config, log)
    scope_of_xdist = scheduler._split_scope

    def scope(nodeid: str) -> str:
        """The tests with the same scope go to one worker."""
        parameters = nodeid.partition("[")[2].rpartition("]")[0]
        for board in sorted(boards):
            # The ids of bench-1 and of bench-1-2 cannot be told apart: they share a worker.
            if f"{parameters}-".startswith(f"{board}-"):
                return f"board {board}"
        return str(scope_of_xdist(nodeid))

    scheduler._split_scope = scope
    return scheduler
