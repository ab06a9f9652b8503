"""Boards that are processes: unicorn and QEMU behind a serial port.

May import `descriptors` and `firmware`.
"""
