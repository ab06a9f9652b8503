"""The wide model in Python's own integers: what every board that runs it must answer.

Run as a script, it writes `model.json` and `vectors.npz` beside itself again.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from elegans.tests.boards.tiny_build.twin import digest

INPUTS, NEURONS = 2, 3
INT32 = -(1 << 31), (1 << 31) - 1
LONGEST = 1 << 26  # dt, 4 s


def step(x: list[int], dt: int, h: list[int]) -> tuple[list[int], list[int]]:
    """One step of int16 inputs from int32 states: (y [1], h_next [3])."""
    gate = min(max(dt, 0) >> 9, 32768)
    goals = [_saturate(x[i % INPUTS] - (h[(i + 1) % NEURONS] >> 16)) for i in range(NEURONS)]
    following = [v + gate * (goal - (v >> 16)) for v, goal in zip(h, goals, strict=True)]
    a, b, c = (v >> 16 for v in following)
    return [_saturate(a + b - c)], following


def _saturate(a: int) -> int:
    return max(-32768, min(32767, a))


def vectors() -> dict[str, np.ndarray]:
    """32 corners, 168 random steps, 100 steps of a free run."""
    rng = np.random.default_rng(1)
    bits = (np.arange(32)[:, None] >> np.arange(5)) & 1
    corners = np.array([-32768, 32767])[bits[:, :2]], np.array(INT32)[bits[:, 2:]]
    x = np.concatenate([corners[0], rng.integers(-32768, 32768, (268, INPUTS))])
    h = np.concatenate([corners[1], rng.integers(*INT32, (168, NEURONS))])
    dt = np.concatenate([np.where(bits.sum(1) % 2, 0, LONGEST), rng.integers(0, LONGEST, 268)])
    dt[200:] >>= rng.integers(0, 20, 100)  # in the free run from 15 us on
    rows = [list(map(int, row)) for row in h] + [[0] * NEURONS]
    y: list[list[int]] = []
    h_next: list[list[int]] = []
    for t in range(300):
        if t > 200:
            rows.append(h_next[-1])
        out, following = step(list(map(int, x[t])), int(dt[t]), rows[t])
        y.append(out)
        h_next.append(following)
    table = {"x": np.array(x, np.int16), "y": np.array(y, np.int16)}
    table |= {k: np.array(v, np.int32) for k, v in (("dt", dt), ("h", rows), ("h_next", h_next))}
    return table | {"section": np.repeat(np.array([0, 1, 2], np.uint8), [32, 168, 100])}


def document(build: Path) -> dict[str, object]:
    """What `model.json` says."""
    q15 = {"unit": "1", "frac": 15, "bits": 16, "lo": -32768, "hi": 32767}
    q31 = {"unit": "1", "frac": 31, "bits": 32, "lo": INT32[0], "hi": INT32[1]}
    return {
        "schema": 1,
        "name": "wide",
        "digest": digest(build),
        "inputs": [{"name": n} | q15 for n in "ab"],
        "dt": {"name": "dt", "unit": "s", "frac": 24, "bits": 32, "lo": 0, "hi": LONGEST},
        "outputs": [{"name": "sum"} | q15],
        "states": [{"name": f"ring[{i}]"} | q31 for i in range(NEURONS)],
    }


if __name__ == "__main__":
    here = Path(__file__).parent
    (here / "model.json").write_text(json.dumps(document(here), indent=2) + "\n")
    np.savez(here / "vectors.npz", **vectors())  # type: ignore[arg-type]
