"""The fixed-point model to C and assembler: fusion, placement, text.

May import `numbers`, `ops`, `ir` and `delivery`.
"""
