"""Bytes and frames: the protocol, serial ports, and a cable that damages what it carries.

Imports `exporter` only.
"""
