"""Writes an image into a chip: through a debug probe, a boot drive or the loader in its ROM.

May import `descriptors` and `firmware`.
"""
