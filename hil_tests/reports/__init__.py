"""What is told of finished runs: a page, a history, and the comparison of two runs or BUILDs.

May import all other stages of `hil_tests`.
"""
