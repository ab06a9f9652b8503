"""Rewrites of the real network that keep its meaning: constant folding, dead-code elimination.

May import `numbers` and `ir`.
"""
