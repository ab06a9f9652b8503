"""The tiny model in Python's own integers: what every board that runs it must answer.

Run as a script, it writes `model.json` and `vectors.npz` beside itself again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

INPUTS, NEURONS, OUTPUTS = 2, 3, 1
FROM_INPUT = ((9000, -4000), (-7000, 12000), (3000, 3000))
FROM_NEIGHBOUR = (5000, -11000, 8000)
RATE = (20000, 9000, 31000)


def step(x: list[int], dt: int, h: list[int]) -> tuple[list[int], list[int]]:
    """One step of int16 values: (y [1], h_next [3])."""
    following = []
    for i in range(NEURONS):
        total = sum(w * v for w, v in zip(FROM_INPUT[i], x, strict=True))
        total += FROM_NEIGHBOUR[i] * h[(i + 1) % NEURONS] + (1 << 13)
        gate = min(max(dt, 0) * RATE[i] >> 11, 32768)
        way = gate * (_saturate(total >> 14) - h[i])
        following.append(h[i] + ((way + (1 << 14)) >> 15))
    return [_saturate(following[0] + following[1] - following[2])], following


def _saturate(a: int) -> int:
    return max(-32768, min(32767, a))


def digest(build: Path) -> str:
    """SHA-256 over the C of the model, in the order of the names."""
    texts = sorted([*build.glob("*.[ch]"), *build.glob("runtime/**/*.[ch]")])
    return hashlib.sha256(b"".join(p.read_bytes() for p in texts)).hexdigest()


def vectors() -> dict[str, np.ndarray]:
    """32 corners, 168 random steps, 100 steps of a free run."""
    ends = np.array([-32768, 32767])
    rng = np.random.default_rng(1)
    bits = (np.arange(32)[:, None] >> np.arange(5)) & 1
    x = np.concatenate([ends[bits[:, :2]], rng.integers(-32768, 32768, (268, INPUTS))])
    h = np.concatenate([ends[bits[:, 2:]], rng.integers(-32768, 32768, (168, NEURONS))])
    dt = np.concatenate([np.where(bits.sum(1) % 2, 328, 3277), rng.integers(328, 3278, 268)])
    rows = [list(map(int, row)) for row in h] + [[0] * NEURONS]
    y: list[list[int]] = []
    h_next: list[list[int]] = []
    for t in range(300):
        if t > 200:
            rows.append(h_next[-1])
        out, following = step(list(map(int, x[t])), int(dt[t]), rows[t])
        y.append(out)
        h_next.append(following)
    table = {"x": x, "dt": dt, "h": rows, "y": y, "h_next": h_next}
    section = np.repeat(np.array([0, 1, 2], np.uint8), [32, 168, 100])
    return {k: np.array(v, np.int16) for k, v in table.items()} | {"section": section}


def document(build: Path) -> dict[str, object]:
    """What `model.json` says."""
    q = {"bits": 16, "lo": -32768, "hi": 32767}
    return {
        "schema": 1,
        "name": "tiny",
        "digest": digest(build),
        "inputs": [{"name": n, "unit": "V", "range": [-2.0, 2.0], "frac": 14} | q for n in "ab"],
        "dt": {"name": "dt", "unit": "s", "range": [0.01, 0.1], "frac": 15}
        | {"bits": 16, "lo": 328, "hi": 3277},
        "outputs": [{"name": "sum", "unit": "1", "frac": 15} | q],
        "states": [{"name": f"ring[{i}]", "frac": 15} | q for i in range(NEURONS)],
    }


if __name__ == "__main__":
    here = Path(__file__).parent
    (here / "model.json").write_text(json.dumps(document(here), indent=2) + "\n")
    np.savez(here / "vectors.npz", **vectors())  # type: ignore[arg-type]
