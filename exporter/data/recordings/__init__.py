"""Recordings with time stamps, as `train`, `run` and `compare` read them: columns by their names,
stamps as seconds that rise, stretches without a gap."""
