"""The wide model in Python's own integers: what every board that runs it must answer.

Run as a script, it writes `model.json` and `vectors.npz` beside itself again.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from elegans.exporter.files import npz
from elegans.tests.boards.tiny_build.twin import digest

_HERE = Path(__file__).parent
INPUTS, NEURONS = 2, 3
INT32 = -(1 << 31), (1 << 31) - 1
LONGEST = {32: 1 << 26, 16: (1 << 15) - 1}  # dt, by its bits: 4 s and 2 ms


def step(x: list[int], dt: int, h: list[int]) -> tuple[list[int], list[int]]:
    """One step of int16 inputs from int32 states: (y [1], h_next [3])."""
    gate = min(max(dt, 0) >> 9, 32768)
    goals = [_saturate(x[i % INPUTS] - (h[(i + 1) % NEURONS] >> 16)) for i in range(NEURONS)]
    following = [v + gate * (goal - (v >> 16)) for v, goal in zip(h, goals, strict=True)]
    a, b, c = (v >> 16 for v in following)
    return [_saturate(a + b - c)], following


def _saturate(a: int) -> int:
    return max(-32768, min(32767, a))


def vectors(dt_bits: int = 32) -> dict[str, np.ndarray]:
    """32 corners, 168 random steps, 100 steps of a free run."""
    longest = LONGEST[dt_bits]
    rng = np.random.default_rng(1)
    bits = (np.arange(32)[:, None] >> np.arange(5)) & 1
    corners = np.array([-32768, 32767])[bits[:, :2]], np.array(INT32)[bits[:, 2:]]
    x = np.concatenate([corners[0], rng.integers(-32768, 32768, (268, INPUTS))])
    h = np.concatenate([corners[1], rng.integers(*INT32, (168, NEURONS))])
    dt = np.concatenate([np.where(bits.sum(1) % 2, 0, longest), rng.integers(0, longest, 268)])
    dt[200:] >>= rng.integers(0, dt_bits // 2, 100)  # in the free run times of every magnitude
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
    table |= {"h": np.array(rows, np.int32), "h_next": np.array(h_next, np.int32)}
    table["dt"] = dt.astype(f"i{dt_bits // 8}")
    return table | {"section": np.repeat(np.array([0, 1, 2], np.uint8), [32, 168, 100])}


def document(build: Path, dt_bits: int = 32) -> dict[str, object]:
    """What `model.json` says."""
    q15 = {"unit": "1", "frac": 15, "bits": 16, "lo": -32768, "hi": 32767}
    q31 = {"unit": "1", "frac": 31, "bits": 32, "lo": INT32[0], "hi": INT32[1]}
    return {
        "schema": 1,
        "name": "wide",
        "digest": digest(build),
        "inputs": [{"name": n} | q15 for n in "ab"],
        "dt": {"name": "dt", "unit": "s", "frac": 24, "lo": 0}
        | {"bits": dt_bits, "hi": LONGEST[dt_bits]},
        "outputs": [{"name": "sum"} | q15],
        "states": [{"name": f"ring[{i}]"} | q31 for i in range(NEURONS)],
    }


def write(build: Path, dt_bits: int = 32) -> None:
    """`model.json` and `vectors.npz` beside the C."""
    (build / "model.json").write_text(json.dumps(document(build, dt_bits), indent=2) + "\n")
    (build / "vectors.npz").write_bytes(npz(vectors(dt_bits)))


def with_short_dt(build: Path) -> Path:
    """Write the same model with an elapsed time of 16 bits to a new folder."""
    build.mkdir()
    for source in _HERE.glob("wide.[ch]"):
        text = source.read_text().replace("int32_t dt", "int16_t dt")
        (build / source.name).write_text(text.replace("DT_BITS 32", "DT_BITS 16"))
    write(build, dt_bits=16)
    return build


if __name__ == "__main__":
    write(_HERE)
