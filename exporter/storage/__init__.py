"""Files that come in, read within bounds: whole files, arrays, tables. Locks and cache folders.

Imports nothing of elegans but the exporter's errors. `exporter.files`, which writes, stands on it.
"""
