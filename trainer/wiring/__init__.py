"""Which neurons are connected: neural circuit policies, and networks without layers.

Imports `exporter` only.
"""
