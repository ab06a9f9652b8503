"""Cells run over whole sequences, and circuits whose inputs and outputs have physical units.

May import `wiring` and `cells`.
"""
