"""Boards as data: build for them, flash them, or emulate them behind a serial port."""
