"""A BUILD as a library for other build systems. May import exporter, boards and viewer.

`ecosystems.py` is the table of what a package may be for; `package.py` writes packages, and
`verify.py` makes them once more and compares.
"""
