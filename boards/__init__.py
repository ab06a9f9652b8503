"""Boards, described as data: firmware is built for them, and flashed or emulated."""
