"""Which neurons are connected: neural circuit policies, and wirings without layers.

May import `exporter` only.
"""
