"""Reliable requests over an unreliable line.

May import `wire`.
"""
