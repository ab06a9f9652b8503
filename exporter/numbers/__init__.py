"""Fixed-point arithmetic: formats, rounding, intervals, sparse matrices, and the widths of sums.

Of elegans, it may import `exporter.errors` only.
"""
