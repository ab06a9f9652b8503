"""The user's own recordings: tables, time stamps, missing values, splits, statistics, windows.

Pure NumPy, no torch. What was found in the data and what was done about it is appended to a list
of notes, one line each, which the user sees. May import the exporter only.
"""
