"""The network in real numbers to the fixed-point model: bounds, formats, integer weights.

May import `numbers`, `ops`, `ir`, `atoms` and `passes`.
"""
