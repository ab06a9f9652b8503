"""A row of `benchmarks.task_table`, and the board that runs its test part."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from elegans.exporter.data.user_data import UserData
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.oracles import reference
from elegans.hil_tests.session.replay import Target, replay

Scores = dict[str, float]
Reals = npt.NDArray[np.float64]


@dataclass
class Row:
    """A task with one seed.

    scores    column -> metrics
    samples   that a board ran, and the integers that were compared
    """

    task: str
    seed: int
    scores: dict[str, Scores] = field(default_factory=dict)
    samples: int = 0
    integers: int = 0


class Board:
    """A model on an emulated board, each run of which is compared with the reference."""

    def __init__(self, name: str, file: Path, bits: int, row: Row) -> None:
        self._name, self._row = name, row
        self._folder = tempfile.TemporaryDirectory()
        self._build = Path(self._folder.name) / "build"
        self._model = export(Request(file, weight_bits=bits, accept_error=100.0), self._build)

    def __call__(self, x: Reals, dt: Reals) -> Reals:
        """x [N, T, I], dt [N, T], s -> y [N, T, O]. Raises ElegansError for another integer."""
        model, runs, steps = self._model, x.shape[0], x.shape[1]
        assert model.dt is not None
        data = UserData(
            names=tuple(str(n) for n in range(runs)),
            several=True,
            lengths=np.full(runs, steps, np.int64),
            x=to_integers(x.astype(np.float64), model.inputs),
            dt=model.dt.to_integers(dt.astype(np.float64)),
            h0=np.zeros((runs, len(model.states)), np.int64),
            labels=None,
            changes=(),
        )
        found = replay(self._build, model, data, Target(self._name))
        for ours, theirs in zip(reference.run_series(model, data), found, strict=True):
            if not np.array_equal(ours, theirs):
                raise ElegansError(self._name, "computes other integers", "this is a bug")
            self._row.integers += ours.size
        self._row.samples += runs * steps
        return to_real(found[0], model.outputs)
