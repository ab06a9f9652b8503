"""A BUILD folder to an ELF image, and what can be read from one.

May import `descriptors`.
"""
