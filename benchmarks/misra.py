"""MISRA C:2012 by cppcheck's addon, on the C of a package: `python -m benchmarks.misra BUILD`.

Writes docs/misra.md: each rule from which the generated model, its self-test or the runtime
deviates, how often, and why. A deviation for which no reason is written here ends the command, so a
new one cannot pass without a word.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from elegans.exporter.errors import ElegansError
from elegans.packages.package import package
from elegans.tests.places import CHECKOUT

_PAGE = CHECKOUT / "docs" / "misra.md"
_FOUND = re.compile(r"misra-c2012-([\d.]+) (\S+)")
_OPTIONS = (
    *("--addon=misra", "--std=c99", "--platform=unix32", "--enable=style", "-q"),
    # What a compiler defines and cppcheck does not; and the portable C, which every core can have.
    *("-DINT_MAX=2147483647", "-DEL_CORE=0", "--template={id} {file}"),
)

# Rule: (category, what the code does, why).
REASONS = {
    "2.3": (
        "advisory",
        "A type that nothing uses",
        "It is an assertion for C99: the type is an array whose size is negative, so that the file "
        "does not compile, where a compiler does not shift arithmetically.",
    ),
    "2.5": (
        "advisory",
        "A macro that nothing uses",
        "The macros of a model's header (indices, fractional bits) are for its caller; those of a "
        "core are for the tables of other models.",
    ),
    "5.7": (
        "required",
        "A tag that is used again",
        "The structure has no tag. The addon takes the absent ones for equal.",
    ),
    "8.7": (
        "advisory",
        "A function with external linkage that one file uses",
        "Generated models call it, and tests.",
    ),
    "8.9": (
        "advisory",
        "A table at file scope that one function uses",
        "Tables of weights stand before the code, so that the code can be read. They are constant.",
    ),
    "10.1": (
        "required",
        "Shifts and masks of signed integers",
        "Fixed point: `a >> n` is the rounding that the whole proof of ranges is about. C leaves "
        "the right shift of a negative number to the compiler; a compiler that does not shift "
        "arithmetically is refused (rule 2.3 above). No negative number is shifted left.",
    ),
    "10.3": (
        "required",
        "An unsigned number of elements added to a pointer or to a signed index",
        "Numbers of elements are small, positive and known when the C is generated.",
    ),
    "10.4": (
        "required",
        "An unsigned counter compared with, or changed by, a plain constant",
        "The constants are positive and fit; a suffix at each of them would hide the formula.",
    ),
    "10.6": (
        "required",
        "A result of arithmetic stored in a wider type",
        "Both sides have 32 bits on every target; a target with another int is refused.",
    ),
    "10.8": (
        "required",
        "A result of arithmetic cast to the other sign",
        "The casts between int32_t and uint32_t are where wrap-around is wanted or where a sign "
        "is put back; each has its proof in a comment or in the range of the operation.",
    ),
    "11.5": (
        "advisory",
        "A pointer to void converted to one to an object",
        "A block of weights is given as an address, whatever lies there: its alignment is checked "
        "before it is read, and its type before it is used.",
    ),
    "11.6": (
        "required",
        "A pointer to void cast to an integer",
        "This is that check of the alignment; nothing is computed from the integer.",
    ),
    "12.1": (
        "advisory",
        "Products and sums without parentheses",
        "`a * b + c` is read as everybody reads it.",
    ),
    "12.3": (
        "advisory",
        "A comma",
        "Fields and variables of one type are declared in one line; no comma operator is used.",
    ),
    "13.3": (
        "advisory",
        "`*w++` in an assignment",
        "Tables are read once, from the front to the back; this is the usual form of it.",
    ),
    "15.5": (
        "advisory",
        "A second return",
        "The self-test returns at the first difference, the conversion of a float at an end of the "
        "range, the check of a block of weights at the first reason to refuse it.",
    ),
    "17.8": (
        "advisory",
        "A parameter that is changed",
        "The pointer to a table is what moves through it; a copy would be a second name.",
    ),
    "18.4": (
        "advisory",
        "An offset added to a pointer",
        "Steps of sliding maps and convolutions are added to the place in their input. They are "
        "generated together with the lengths, which the proof uses.",
    ),
    "19.2": (
        "advisory",
        "A union",
        "The state is an array of int16_t that is read as words by assembler; the union is there "
        "for the alignment, and its other member is never read.",
    ),
    "20.5": (
        "advisory",
        "`#undef`",
        "Bodies that int16 and int8 weights share are included twice, with other types.",
    ),
    "20.7": (
        "required",
        "A parameter of a macro without parentheses",
        "It is the name of a function, or the text of assembler instructions, where the language "
        "takes no parentheses.",
    ),
    "20.10": (
        "advisory",
        "`##` in a macro",
        "It names functions that a macro defines: those that clamp to a number of bits, and the "
        "sums of a solver.",
    ),
}


def deviations(folder: Path) -> dict[str, Counter[str]]:
    """By rule, in which part of a package (model, self-test, runtime) how many lines deviate."""
    include = ("-Iinclude", "-Ielegans_runtime/include")
    units = [p.relative_to(folder) for p in sorted(folder.rglob("*.c")) if p.parent.name == "src"]
    line = ["cppcheck", *_OPTIONS, *include, *map(str, units)]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True)
    found: dict[str, Counter[str]] = {}
    for rule, path in _FOUND.findall(done.stderr):
        found.setdefault(rule, Counter())[_part(path)] += 1
    return found


def _part(path: str) -> str:
    if "elegans_runtime" in path:
        return "runtime"
    return "self-test" if "_selftest" in path else "model"


def page(found: dict[str, Counter[str]], tool: str) -> str:
    """docs/misra.md. Raises SystemExit for a rule without a reason."""
    silent = sorted(found.keys() - REASONS.keys())
    if silent:
        raise SystemExit(f"no reason is written for deviations from {', '.join(silent)}")
    rows = []
    for rule in sorted(found, key=lambda rule: [int(part) for part in rule.split(".")]):
        category, what, why = REASONS[rule]
        count = [str(found[rule][part]) for part in ("model", "self-test", "runtime")]
        rows.append(f"| {rule} | {category} | {' | '.join(count)} | {what}. {why} |")
    return _TEXT.format(tool=tool, rows="\n".join(rows))


_TEXT = """# MISRA C:2012

`python -m benchmarks.misra BUILD` runs the MISRA addon of {tool} over the C of a package, that is a model, its self-test and the whole runtime, and writes this page. The figures are those of a BUILD that `elegans export tests/golden/worm.onnx` writes, in portable C; a folder of `tests/golden/` is no BUILD, because it lacks the files that a test does not read. The addon has most of the rules that a program can check, not all; it is no certificate. The assembler of Cortex-M and RISC-V cores is outside of MISRA C.

No rule of the category *mandatory* is in the list. Rules are described in our words, because MISRA's own are not free.

| rule | category | model | self-test | runtime | what deviates, and why |
|---|---|---|---|---|---|
{rows}

What the code keeps to without exception: no heap, no recursion, no call of the C library, no float in the integer interface, no variable at file scope that is not constant, no loop without a bound that is known when the C is generated, and no integer whose range was not proved ([design.md](design.md)).
"""  # noqa: E501


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path, help="BUILD folder")
    build: Path = parser.parse_args().build
    if shutil.which("cppcheck") is None:
        raise SystemExit("cppcheck is not installed: apt install cppcheck")
    tool = subprocess.run(["cppcheck", "--version"], capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as place:
        try:
            files = package(build, Path(place).resolve() / "packages", ["cmake"])
        except ElegansError as error:
            raise SystemExit(str(error)) from None
        (folder,) = (Path(place).resolve() / "packages" / "cmake").iterdir()
        text = page(deviations(folder), tool.stdout.strip())
    _PAGE.write_text(text)
    print(f"{_PAGE}: {len(files)} files were read")


if __name__ == "__main__":
    main()
