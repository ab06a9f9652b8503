"""The lexer of `benchmarks/mutants.py`: it changes code, and nothing else."""

from __future__ import annotations

from elegans.benchmarks.mutants import mutants


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
