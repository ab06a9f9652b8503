"""What a board is: its core, its memory, its UART, and how it is flashed or emulated.

Imports `exporter` only.
"""
