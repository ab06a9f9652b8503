"""One board and one BUILD: send input vectors, compare the results bit for bit.

May import `wire` and `link`.
"""
