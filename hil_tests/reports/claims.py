"""The names of tests, as the reports print and compare them."""

from __future__ import annotations


def claim(name: str) -> str:
    """The claim of a test in words: ``test_bits::test_a_b[0]`` is ``a b [0]``."""
    words, bracket, argument = name.rpartition("::")[2].partition("[")
    text = words.removeprefix("test_").replace("_", " ")
    return f"{text} [{argument}" if bracket else text


def without_board(name: str, board: str) -> str:
    """The name of a test without the board that pytest may have put into its id, so that it is the
    same on every board: ``test_a[bench-1-0]`` is ``test_a[0]``."""
    function, bracket, argument = name.partition("[")
    if not bracket or argument == f"{board}]":
        return function
    return f"{function}[{argument.removeprefix(f'{board}-')}"
