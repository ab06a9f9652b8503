"""The device's side of the protocol under libFuzzer, AddressSanitizer and UBSan, with a model of
16-bit states and with one of 32-bit states.

python -m benchmarks.fuzz_link [--runs 10000000]

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

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.source import device_files, read_model
from elegans.exporter.errors import ElegansError

_TESTS = Path(__file__).resolve().parents[1] / "tests"
_CORPUS = _TESTS / "fuzz" / "corpus"

BUILDS = {width: _TESTS / "boards" / f"{width}_build" for width in ("tiny", "wide")}
"""Models by name; the states of `wide` have 32 bits."""


def compile_fuzzer(folder: Path, build: Path) -> Path:
    """Compile the fuzzer with the model of a BUILD into a new folder.

    Raises `ElegansError` if clang or its runtime is missing.
    """
    files = device_files(read_model(build), find_board("mps2-an386"))
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    sources = [str(_TESTS / "fuzz" / "link_fuzz.c"), *(p for p in files if p.endswith(".c"))]
    checks = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
    line = ["clang", "-g", "-O1", *checks, "-I.", "-Imodel", "-Imodel/include"]
    program = folder / "link_fuzz"
    try:
        done = subprocess.run(
            [*line, *sources, "-o", str(program)],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
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
    print("| model | executions | a second | edges covered | status |\n|---|---|---|---|---|")
    for name, build in BUILDS.items():
        with tempfile.TemporaryDirectory(prefix="elegans-") as scratch:
            folder = Path(scratch)
            try:
                program = compile_fuzzer(folder, build)
            except ElegansError as missing:
                raise click.ClickException(str(missing)) from None
            (new := folder / "new").mkdir()
            status, said = fuzz(program, runs, new, seed)
            stats = dict(re.findall(r"stat::(\w+):\s+(\d+)", said))
            covered = re.findall(r"cov: (\d+)", said)[-1:]
            cells = [stats.get("number_of_executed_units"), stats.get("average_exec_per_sec")]
            print("|", " | ".join(map(str, [name, *cells, *covered, status])), "|")
            if status:
                print(said[-4000:])
                raise SystemExit(1)
            if keep:
                merge = [str(program), "-merge=1", str(_CORPUS), str(new)]
                subprocess.run(merge, check=True, capture_output=True, cwd=folder, env=os.environ)


if __name__ == "__main__":
    main()
