"""Fixed-point arithmetic: formats, rounding, intervals, and sparse integer matrices.

Of elegans, it may import `exporter.errors` only.
"""
