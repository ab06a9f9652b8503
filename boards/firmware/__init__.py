"""Compiles a BUILD folder to an ELF image, and reads images: segments, symbols, source lines.

May import `processes`, `descriptors` and `machine_code`.
"""
