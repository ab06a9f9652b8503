"""Programs that elegans runs, each with all that it starts.

Imports `exporter` only.
"""
