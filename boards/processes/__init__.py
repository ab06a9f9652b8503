"""Programs that elegans runs, each with all that it starts, and locks between processes.

Imports `exporter` only.
"""
