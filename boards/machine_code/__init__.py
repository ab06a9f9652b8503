"""How the instructions of each architecture are encoded, and what they do to the stack.

Imports `exporter` only.
"""
