"""Test runs on many boards in parallel, local or in a labgrid farm, and their reports.

May import `wire`, `link` and `session`.
"""

EMULATORS = ("auto", "unicorn", "qemu")
COMPILERS = ("auto", "zig", "gcc")
"""The choices of the options --emulator and --compiler."""
DEFAULT_BOARD = "mps2-an386"
"""The board of whoever names none: a virtual Cortex-M4."""
WAIT_S = 600.0
"""Seconds for which a board that somebody else uses is waited for, unless the user says."""
