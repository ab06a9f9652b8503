"""Cells that run over sequences, and circuits with physical units.

May import `wiring` and `cells`.
"""
