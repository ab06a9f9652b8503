"""Rewrites of the real network that ask what its ranges are: offsets of inputs, chains as one."""
