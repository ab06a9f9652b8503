"""One board and one BUILD: vectors sent, results compared bit for bit.

May import `wire` and `link`.
"""
