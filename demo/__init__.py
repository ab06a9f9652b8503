"""`elegans demo`: train, export, boot, compare every bit, and drive a simulated car.

May import every package but `commands` and `cli`.
"""
