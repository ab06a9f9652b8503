"""The user's own data: series of inputs and elapsed times, with labels where there are any.

May import `storage`, `numbers`, `ops` and `ir`.
"""
