"""Rules of operators that no known cell needs: any function, choices, reductions.

May import what `frontend` may, and its reader and rules.
"""
