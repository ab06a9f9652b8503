"""C for this machine: compiled when it is first needed, and the step of a model as such C.

May import `storage`, `numbers`, `ops` and `ir`. Whoever calls it has a way without a compiler.
"""
