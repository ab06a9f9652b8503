"""Many boards at once, and a verdict for each.

May import `wire`, `link` and `session`.
"""
