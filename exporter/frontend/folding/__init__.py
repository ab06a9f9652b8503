"""Constant folding of a graph: which operators are evaluated, and how large their results may be.

`operators` imports nothing of `frontend`, and the reader stands on it; `branches` stands on the
reader.
"""
