"""Cells over whole sequences as compiled C, forward and backward, for float32 on a CPU.

May import `wiring`. Whoever calls it has a way in torch for all that it does not do.
"""
