"""Write a CSV file of a machine that idles, runs, or runs badly: `python machine_data.py FILE`.

Twelve sessions of 300 samples at uneven times; the temperature lags behind and is often missing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

STATES = ("idle", "run", "fault")
_WARM = {"idle": 20.0, "run": 24.0, "fault": 27.0}
_SHAKE = {"idle": 0.15, "run": 0.8, "fault": 1.0}


def main(path: Path, sessions: int = 12, samples: int = 300, seed: int = 0) -> None:
    """Write `sessions` times `samples` rows."""
    random = np.random.default_rng(seed)
    lines = ["t [ms],temp [degC],vibration [g],session,state"]
    for session in range(sessions):
        t, temp, state, left = 0.0, 20.0, "idle", 40
        for _ in range(samples):
            step = float(random.integers(20, 61))
            t += step
            left -= 1
            if left <= 0:
                others = [other for other in STATES if other != state]
                state, left = str(random.choice(others)), int(random.integers(30, 80))
            temp += (_WARM[state] - temp) * step / 400.0
            tone = np.sin(2 * np.pi * t / (300.0 if state == "fault" else 120.0))
            shake = _SHAKE[state] * tone + 0.1 * random.normal()
            shown = f"{temp + 0.2 * random.normal():.2f}" if random.random() > 0.1 else ""
            lines.append(f"{t:.0f},{shown},{shake:.3f},s{session:02d},{state}")
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
