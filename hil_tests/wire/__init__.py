"""Bytes and frames: the wire protocol, serial ports, and a simulated faulty cable.

May import nothing of `hil_tests`, and of other packages only `exporter`.
"""
