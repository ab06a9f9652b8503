"""Files that come in, and how they are read within bounds: whole files, arrays, tables.

Imports nothing of elegans but the exporter's errors. `exporter.files`, which writes, stands on it.
"""
