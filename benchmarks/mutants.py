"""How many small faults the tests notice, in the code that decides about bits.

python -m benchmarks.mutants [--sample 12] [--only exporter/ops] [--seed 302]

A mutant is a copy of the checkout with one token of one file replaced: + by -, < by <=, a number
by the next one. The tests nearest to the file run on it until one fails. If none does, the mutant
has survived, and is printed with its line: a test is missing, or the code is needed by nobody, or
the mutant computes what the original does. Mutants of the last kind are listed with the reason in
`equivalent_mutants.toml` and are not counted.

Each mutant has a process of its own, forked from one that has imported the libraries, so that most
take a few seconds. Examples of hypothesis are the same ones for each.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import hypothesis
import pytest

from elegans.benchmarks.mutations import Mutant, equivalent_mutants, found, mutants

_CHECKOUT = Path(__file__).resolve().parents[1]
_TIMEOUT_S = 900.0
_CPU_S = 120  # of each process that runs tests: what takes longer does not end

# The files that are mutated, as a pattern, and the tests nearest to them.
TARGETS = {
    "exporter/ops/*.py": "tests/exporter/ops",
    "exporter/numbers/fixed.py": "tests/exporter/numbers",
    "exporter/ir/spans.py": "tests/exporter/ir",
    "exporter/lowering/*bounds.py": "tests/exporter/lowering",
    "exporter/lowering/maps/*.py": "tests/exporter/lowering",
    "hil_tests/session/compare.py": (
        "tests/hil_tests/session/test_verdict.py tests/hil_tests/session/test_compare.py"
    ),
    "hil_tests/session/differences.py": "tests/hil_tests/session/test_differences.py",
    "hil_tests/wire/frames.py": "tests/hil_tests/wire/test_frames.py",
    "hil_tests/wire/messages.py": "tests/hil_tests/wire/test_messages.py",
    "runtime_c/src/*.c": "tests/exporter/ops tests/exporter/codegen/test_fused_layers.py",
    "runtime_c/include/elegans/el_*.h": (
        "tests/exporter/ops tests/exporter/codegen/test_fused_layers.py "
        "tests/exporter/codegen/test_copies.py"
    ),
    "runtime_c/link/*.c": "tests/boards/firmware/test_link_c.py",
}
# What takes long to import, and does not know the code that is mutated.
_PRELOADED = ("numpy", "scipy.sparse", "onnx.helper", "onnx.checker", "onnxruntime", "torch")


@dataclass(frozen=True)
class Checkout:
    """A copy of the tracked files, in a folder that imports as `elegans`."""

    tree: Path

    @staticmethod
    def copied(folder: Path) -> Checkout:
        """A copy of this checkout as it is now."""
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=_CHECKOUT, capture_output=True, text=True, check=True
        )
        tree = folder / "elegans"
        for path in filter(None, listed.stdout.split("\0")):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(_CHECKOUT / path, tree / path, follow_symlinks=False)
        return Checkout(tree)

    def passes(self, tests: list[str], cpu_s: int, clean: bool = False) -> bool:
        """Whether all tests pass, each process of them in so many seconds of its CPU.

        What Python compiles is kept if the checkout is ``clean``, and else only read.
        """
        child = os.fork()
        if child == 0:
            # Nothing may return into the loop over mutants.
            with contextlib.suppress(BaseException):
                os._exit(self._run(tests, cpu_s, clean))
            os._exit(1)
        until = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < until:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return status == 0
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, 9)
        os.waitpid(child, 0)
        return False

    def _run(self, tests: list[str], cpu_s: int, clean: bool) -> int:
        os.setsid()
        log = os.open(self.tree.parent / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(log, stream)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
        for name in [n for n in sys.modules if n.split(".")[0] == "elegans"]:
            del sys.modules[name]
        os.chdir(self.tree)
        os.environ["PYTHONPATH"] = str(self.tree.parent)
        sys.path.insert(0, str(self.tree.parent))
        sys.dont_write_bytecode = not clean
        if not clean:
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        same = hypothesis.settings(deadline=None, derandomize=True, database=None)
        hypothesis.settings.register_profile("mutants", same)
        hypothesis.settings.load_profile("mutants")
        options = ["-x", "-q", "-m", "not slow and not soak", "-p", "no:cacheprovider"]
        return int(pytest.main([*options, *tests]))

    def passes_with(self, mutant: Mutant, tests: list[str]) -> bool:
        """The same with a mutant in place of the original."""
        file = self.tree / mutant.path
        text, times = file.read_text(), file.stat()
        file.write_text(mutant.applied(text))
        # A mutant may have the original's size: what is compiled is told apart by its time.
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns + 10**12))
        try:
            return self.passes(tests, _CPU_S)
        finally:
            file.write_text(text)
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    def nearest(self, tests: str, path: str) -> list[str]:
        """The files of tests that name the module or the kernel of a path; all if none does, and
        for a header, which many kernels share."""
        stem = Path(path).stem.removeprefix("el_").removesuffix("8")
        files = [
            file
            for place in tests.split()
            for file in (sorted((self.tree / place).rglob("test_*.py")) or [self.tree / place])
        ]
        named = [f for f in files if re.search(rf"\b(el_)?{stem}8?\b", f.read_text())]
        chosen = files if path.endswith(".h") else named or files
        return [str(file.relative_to(self.tree)) for file in chosen]


@click.command()
@click.option("--sample", default=12, show_default=True, help="mutants of each row of the table")
@click.option("--only", default="", help="only the rows whose pattern contains this")
@click.option("--seed", default=302, show_default=True, help="of the choice")
def main(sample: int, only: str, seed: int) -> None:
    """Print a row for each pattern of files, and every survivor."""
    for name in _PRELOADED:
        importlib.import_module(name)
    totals, checked = [0, 0], set[str]()
    click.echo("| files | mutants | equivalent | tried | killed |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        checkout = Checkout.copied(Path(scratch))
        for pattern, tests in TARGETS.items():
            if only not in pattern:
                continue
            if tests not in checked and not checkout.passes(tests.split(), 900, clean=True):
                log = (checkout.tree.parent / "log").read_text()
                raise click.ClickException(f"{tests}: fails without any mutant\n{log[-2000:]}")
            checked.add(tests)
            texts = {
                str(p.relative_to(checkout.tree)): p.read_text()
                for p in sorted(checkout.tree.glob(pattern))
            }
            known = {path: list(mutants(path, text)) for path, text in texts.items()}
            same = {
                found(e, known[e.path], texts[e.path])
                for e in equivalent_mutants()
                if e.path in texts
            }
            counted = [m for some in known.values() for m in some if m not in same]
            tried = random.Random(seed).sample(counted, min(sample, len(counted)))
            killed = 0
            for mutant in tried:
                text = texts[mutant.path]
                if checkout.passes_with(mutant, checkout.nearest(tests, mutant.path)):
                    click.echo(f"survived: {mutant.described(text)}", err=True)
                else:
                    killed += 1
            totals = [totals[0] + len(tried), totals[1] + killed]
            click.echo(f"| {pattern} | {len(counted):,} | {len(same)} | {len(tried)} | {killed} |")
    click.echo(f"| all | | | {totals[0]} | {totals[1]} ({totals[1] / max(totals[0], 1):.0%}) |")


if __name__ == "__main__":
    main()
