"""Rewrites of the real network that keep its meaning: constant folding, dead-code elimination,
substitution of inputs.

May import `numbers`, `ir` and `atoms`.
"""
