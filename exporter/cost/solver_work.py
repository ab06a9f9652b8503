"""The work of LTC's solver (`exporter/codegen/solver/unfolds.py`)."""

from __future__ import annotations

from collections import Counter

import numpy as np

from elegans.exporter.codegen.solver.unfolds import Unfolds
from elegans.exporter.numbers.fixed import Integers


def solver_work(op: Unfolds, once: bool = False) -> Counter[str]:
    """The work of a call, or what takes flash of it if each thing counts once.

    A core adds synapses one by one, in twos or in fours, and divides by one instruction or bit by
    bit.
    """
    neurons, count = len(op.step.lo), 1 if once else op.count
    found = Counter({"unfolds.calls": 1, "unfolds.neurons": neurons})
    for synapses, times in (*((part, 1) for part in op.sensed), (op.counted, count)):
        found.update({k: n * times for k, n in _sums(synapses.target, neurons).items()})
    found["unfolds.still"] = op.still * count
    found["unfolds.driven"] = (neurons - op.still) * count
    if not once:
        found["unfolds.bits"] = neurons * count * op.bits
    return found


def _sums(target: Integers, neurons: int) -> dict[str, int]:
    """Of synapses with these neurons: the sums, and their rounds by ones, twos and fours."""
    sizes = np.bincount(target, minlength=neurons)
    rounds = {"ones": 1, "twos": 2, "fours": 4}
    found = {f"unfolds.{name}": int((-(-sizes // n)).sum()) for name, n in rounds.items()}
    return found | {"unfolds.sums": int(np.count_nonzero(sizes))}
