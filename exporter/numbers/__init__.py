"""Fixed point: formats, the one rounding rule, intervals, sparse integer matrices.

Imports nothing of elegans but `exporter.errors`.
"""
