"""Emulated boards: unicorn and QEMU in processes of their own, behind a serial port.

May import `descriptors`, `machine_code` and `firmware`.
"""
