"""The device's side of the protocol under libFuzzer, AddressSanitizer and UBSan.

python -m benchmarks.fuzz_link [--runs 10000000] [--jobs 2]

Needs clang with its fuzzer runtime (on Debian: clang and libclang-rt-14-dev). With ``--keep``
inputs that reach new code are merged into ``tests/fuzz/corpus``.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

import click

from elegans.exporter.errors import ElegansError

_CHECKOUT = Path(__file__).resolve().parents[1]
_CORPUS = _CHECKOUT / "tests" / "fuzz" / "corpus"
_TINY = _CHECKOUT / "tests" / "boards" / "tiny_build"
_LINK = _CHECKOUT / "runtime_c" / "link"


def compile_fuzzer(folder: Path) -> Path:
    """Compile the fuzzer. Raises `ElegansError` if clang or its runtime is missing."""
    program = folder / "link_fuzz"
    sources = [_CHECKOUT / "tests" / "fuzz" / "link_fuzz.c", *_LINK.glob("*.c")]
    sources += [*_TINY.glob("*.c"), *_TINY.glob("src/*.c")]
    checks = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
    line = ["clang", "-g", "-O1", *checks, f"-I{_LINK}", f"-I{_TINY}", f"-I{_TINY}/include"]
    try:
        done = subprocess.run(
            [*line, *map(str, sources), "-o", str(program)],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise ElegansError("clang", "is not installed", "apt install clang") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        reason = next((line for line in lines if "error" in line or "cannot find" in line), "?")
        remedy = "apt install libclang-rt-14-dev, or that of your clang"
        raise ElegansError("clang", f"makes no fuzzer: {reason}", remedy)
    return program


def fuzz(program: Path, runs: int, new: Path, seed: int = 1) -> tuple[int, str]:
    """Run the fuzzer from the committed corpus; its exit status and its output.

    Inputs that reach new code are written to the folder ``new``."""
    line = [str(program), f"-runs={runs}", f"-seed={seed}", "-max_len=600", "-print_final_stats=1"]
    artifacts = f"-artifact_prefix={new}/"
    done = subprocess.run(
        [*line, artifacts, str(new), str(_CORPUS)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stderr


@click.command()
@click.option("--runs", default=10_000_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--keep", is_flag=True, help="merge new inputs into the corpus")
def main(runs: int, seed: int, keep: bool) -> None:
    """Print the number of executions, their rate, the coverage and the exit status."""
    with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
        folder = Path(scratch)
        try:
            program = compile_fuzzer(folder)
        except ElegansError as missing:
            raise click.ClickException(str(missing)) from None
        (new := folder / "new").mkdir()
        status, said = fuzz(program, runs, new, seed)
        stats = dict(re.findall(r"stat::(\w+):\s+(\d+)", said))
        covered = re.findall(r"cov: (\d+)", said)[-1:]
        print("| executions | a second | edges covered | status |\n|---|---|---|---|")
        cells = [stats.get("number_of_executed_units"), stats.get("average_exec_per_sec")]
        print("|", " | ".join(map(str, [*cells, *covered, status])), "|")
        if status:
            print(said[-4000:])
            raise SystemExit(1)
        if keep:
            merge = [str(program), "-merge=1", str(_CORPUS), str(new)]
            subprocess.run(merge, check=True, capture_output=True, cwd=folder, env=os.environ)


if __name__ == "__main__":
    main()
