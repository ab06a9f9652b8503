"""The lexer of mutants changes code and nothing else, and its tables name what there is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from elegans.benchmarks.mutants import TARGETS
from elegans.benchmarks.mutations import Equivalent, equivalent_mutants, found, mutants
from elegans.tests.places import CHECKOUT


def _changes(path, text):
    return [text[m.start : m.end] + " -> " + m.new for m in mutants(path, text)]


def test_operators_numbers_and_names_of_ends_are_changed_in_python():
    text = "def f(a: int | None, *, lo):\n    return min(a + 3, lo) if a <= -lo else a >> 1\n"
    assert _changes("a.py", text) == [
        "lo -> hi",
        "min -> max",
        "+ -> -",
        "3 -> 4",
        "lo -> hi",
        "<= -> <",
        "lo -> hi",
        ">> -> <<",
        "1 -> 2",
    ]


def test_strings_comments_and_imports_stay_as_they_are():
    text = '"""a + 1"""\nfrom a import min\nx = "b < 2"  # c == 3\n'
    assert _changes("a.py", text) == []


def test_pointers_directives_and_tables_stay_as_they_are_in_c():
    text = "#define N 4\n/* a + 1 */\nstatic const int t[] = {\n    1, 2,\n};\nint *p = &t[1];\n"
    assert _changes("a.c", text) == ["1 -> 2"]


def test_a_mutant_is_the_text_with_one_token_replaced():
    text = "int f(int a) { return a - 1; }\n"
    found = list(mutants("a.c", text))
    assert [m.applied(text) for m in found] == [text.replace("-", "+"), text.replace("1", "2")]
    assert found[0].described(text) == "a.c:1: - -> + in: int f(int a) { return a - 1; }"


def test_every_row_has_files_and_tests():
    for pattern, tests in TARGETS.items():
        assert list(CHECKOUT.glob(pattern)), pattern
        assert all((CHECKOUT / place).exists() for place in tests.split()), tests


def test_every_mutant_that_is_called_equivalent_is_there_and_has_a_reason():
    places = set()
    for entry in equivalent_mutants():
        text = (CHECKOUT / entry.path).read_text()
        places.add(found(entry, mutants(entry.path, text), text))
        assert entry.reason
    assert len(places) == len(equivalent_mutants())


def test_an_equivalent_mutant_is_named_by_its_line_and_hides_no_other():
    text = "a = x < 3\nb = x < 3\n"
    known = list(mutants("a.py", text))
    for mutant in known:
        assert found(Equivalent("a.py", *mutant.change(text), "why"), known, text) == mutant
    with pytest.raises(LookupError, match="has 0 such mutants"):
        found(Equivalent("a.py", "a = x < 3", "a = x > 3", "why"), known, text)
    twice = list(mutants("a.py", "x < 3\nx < 3\n"))
    second = Equivalent("a.py", "x < 3", "x <= 3", "why", place=2)
    assert found(second, twice, "x < 3\nx < 3\n").start == 8
    with pytest.raises(LookupError, match="has 2 such mutants"):
        found(replace(second, place=0), twice, "x < 3\nx < 3\n")
