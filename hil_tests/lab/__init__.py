"""Test runs on many boards in parallel, local or in a labgrid farm, and their reports.

May import `wire`, `link` and `session`.
"""
