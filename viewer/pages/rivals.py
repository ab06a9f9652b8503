"""The controllers that drive beside the liquid circuit: a GRU, an MLP, and one trained otherwise.

They were trained by `benchmarks/rivals.py` as the task `lane` trains its circuit, and lie in
`trained/` as ONNX files, with the exam of each in `rivals.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from elegans.viewer.pages.exam import Score

FOLDER = Path(__file__).resolve().parent / "trained"
LISTED = FOLDER / "rivals.json"


@dataclass(frozen=True)
class Rival:
    """A controller of the lane's car.

    label       what it is, for people; `short` for where there is little room
    parameters  trained numbers
    clock       whether elapsed time is its last input, and not its `dt`
    exam        its scores, measured when it was trained
    """

    name: str
    label: str
    short: str
    parameters: int
    clock: bool
    digest: str
    exam: tuple[Score, ...]

    @property
    def path(self) -> Path:
        """The ONNX file."""
        return FOLDER / f"{self.name}.onnx"


def rivals() -> list[Rival]:
    """All of them, in the order in which the page shows them."""
    listed = json.loads(LISTED.read_text(encoding="utf-8"))["rivals"]
    return [Rival(**one | {"exam": tuple(Score(**s) for s in one["exam"])}) for one in listed]
