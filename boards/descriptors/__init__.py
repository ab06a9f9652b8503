"""What a board is: its core, its memory, its UART, how to run or flash it.

Imports `exporter` only.
"""
