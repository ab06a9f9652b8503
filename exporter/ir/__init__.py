"""The two representations of a network step: in real numbers, and in fixed point.

May import `numbers` and `ops`.
"""
