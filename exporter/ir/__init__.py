"""The two graphs of a step: the network in real numbers, and the fixed-point model.

May import `numbers` and `ops`.
"""
