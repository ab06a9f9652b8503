"""LTC's fused solver as one call: what it consists of, how a program is searched for it, its C.

May import `ir`, `ops`, `numbers`, and of `codegen` its `placement` and `program`.
"""
