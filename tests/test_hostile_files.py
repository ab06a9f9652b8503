"""The real command line on files of a stranger: one line, in bounded memory and bounded time.

Each case is a process of its own with 2 GiB of address space and a time limit. The table in
docs/reliability.md has what each of them took. Most are slow; `tests/fuzz/test_verbs.py` and the
tests of each reader are quick.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from elegans.exporter.export import Request, export
from elegans.tests import hostile
from elegans.tests.places import WORM

_MEMORY = 2 << 30
_SECONDS = 180  # of a machine that does much else; they take 2 to 15
_MAP = "[[board]]\nname = 'one'\nboard = 'mps2-an386'\n"


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    """One call of `elegans` in 2 GiB; subprocess.TimeoutExpired if it hangs."""
    return subprocess.run(
        [sys.executable, "-P", "-c", "from elegans.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY)),
    )


def refused(match: str, *arguments: object) -> None:
    """Assert that a call ends with one line of an error."""
    done = call(*arguments)
    assert done.returncode in (1, 2), done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("elegans: "), done.stderr
    assert match in last
    assert last.count(";") >= 1
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("exported") / "BUILD"
    export(Request(WORM), target)
    return target


@pytest.fixture
def build(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "BUILD"))


_MODELS: dict[str, tuple[Callable[[], bytes], str]] = {
    "doubling functions": (hostile.doubling_functions, "with its functions inlined"),
    "functions in a circle": (hostile.functions_in_a_circle, "call each other"),
    "empty nodes": (hostile.empty_nodes, "parts or too many numbers"),
    "many nodes": (hostile.many_nodes, "has 60031 nodes"),
    "loops in loops": (hostile.loops_in_loops, "too many rounds"),
    "huge constant": (hostile.huge_constant, "makes too large a constant"),
    "many constants": (hostile.many_constants, "makes too large a constant"),
    "expanded input": (hostile.expanded_input, "makes too large a constant"),
    "tiled input": (hostile.tiled_input, "makes too large a constant"),
    "gathered": (hostile.gathered, "makes too large a constant"),
    "range": (hostile.range_of_numbers, "makes too large a constant"),
    "huge dims": (hostile.huge_dims, "its tensors have"),
    "wide port": (hostile.wide_port, "elements, 65536 is the most"),
    "NUL in a name": (lambda: hostile.external("a\0b"), "outside of its own folder"),
    "nested metadata": (lambda: hostile.with_metadata("[" * 100_000), "nested too deeply"),
    "huge number": (lambda: hostile.with_metadata(_declared(10**400)), "not a valid declaration"),
}


def _declared(end: int) -> str:
    signal = {"name": "a", "range": [-end, end]}
    return json.dumps({"name": "worm", "inputs": [signal] * 3, "outputs": [{"name": "b"}] * 2})


@pytest.mark.slow
@pytest.mark.parametrize(("make", "match"), _MODELS.values(), ids=_MODELS)
def test_an_onnx_file_that_asks_for_too_much_is_refused(tmp_path, make, match):
    path = tmp_path / "m.onnx"
    path.write_bytes(make())
    refused(match, "export", path, "-o", tmp_path / "OUT")
    assert os.listdir(tmp_path) == ["m.onnx"]


_RECORDINGS: dict[str, tuple[tuple[int, ...], int | None, str]] = {
    "3 GiB as they say": ((3 << 27,), None, "numbers is the most in a file"),
    "3 GiB after 24 bytes": ((3,), None, "are not 24 bytes"),
    "a lying archive": ((1 << 20, 3), 1000, "file of plain arrays"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "stated", "match"), _RECORDINGS.values(), ids=_RECORDINGS)
def test_an_npz_of_3_mb_is_not_inflated_to_3_gb(tmp_path, build, shape, stated, match):
    path = tmp_path / "zeros.npz"
    path.write_bytes(hostile.npz_of_zeros(shape, stated=stated))
    refused(match, "run", build, "--input", path, "--output", tmp_path / "out.npz")
    refused(match, "compare", build, "--input", path)
    refused(match, "export", WORM, "-o", tmp_path / "OUT", "--recording", path)


@pytest.mark.slow
def test_the_vectors_of_a_build_are_not_inflated_either(tmp_path, build):
    (build / "vectors.npz").write_bytes(hostile.npz_of_zeros((3 << 27,)))
    document = json.loads((build / "model.json").read_text())
    del document["files"]
    (build / "model.json").write_text(json.dumps(document))
    refused("numbers is the most in a file", "hil", build)
    refused("numbers is the most in a file", "bench", build)


_TABLES = {
    "no end of a row": (b"a" * (100 << 20), "a row of more than"),
    "only commas": (b"x0,x1\n" + b"1," * (50 << 20), "a row of more than"),
    "rows of one number": (b"a\n" + b"1\n" * (1 << 23), "more than 4,194,304 rows"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("content", "match"), _TABLES.values(), ids=_TABLES)
def test_a_csv_that_takes_too_much_is_refused(tmp_path, build, content, match):
    (tmp_path / "t.csv").write_bytes(content)
    refused(match, "compare", build, "--input", tmp_path / "t.csv")


_DOCUMENTS = {
    "nested": (b"a = " + b"[\n" * 100_000, "nested too deeply"),
    "a long key": (b"a." * 100_000 + b"b = 1", "more than 1024 characters"),
    "too long": (b"# \n" * 200_000, "a TOML file has at most 256 KB"),
    "not UTF-8": (b"\xff\xfe\0", "is not TOML"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("content", "match"), _DOCUMENTS.values(), ids=_DOCUMENTS)
def test_a_toml_file_that_takes_too_much_is_refused(tmp_path, build, content, match):
    path = tmp_path / "lab.toml"
    path.write_bytes(content)
    refused(match, "hil", build, "--map", path)
    refused(match, "build", build, "--board", path)


_JSON = {
    "nested": ("[" * 100_000, "it is not JSON"),
    "of lists": ("[" + "[]," * (1 << 21) + "[]]", "more than 1048576 lists"),
    "of a huge integer": ('{"name": ' + "1" * 100_000 + "}", "it is not JSON"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("text", "match"), _JSON.values(), ids=_JSON)
def test_a_model_json_that_takes_too_much_is_refused(build, text, match):
    (build / "model.json").write_text(text)
    refused(match, "hil", build)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["inputs", "states", "outputs"])
@pytest.mark.parametrize(("key", "value"), [("frac", 10**9), ("hi", 10**30), ("scale", 10**400)])
def test_a_number_out_of_range_in_model_json_is_refused(build, where, key, value):
    document = json.loads((build / "model.json").read_text())
    document[where][0][key] = value
    (build / "model.json").write_text(json.dumps(document))
    refused("is damaged", "hil", build)


def _as_fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _as_device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


@pytest.mark.slow
@pytest.mark.parametrize("replace", [_as_fifo, _as_device])
@pytest.mark.parametrize(
    "name", ["model.json", "worm.c", "runtime/src/el_tanh.c", "runtime/include/elegans/el.h"]
)
def test_a_file_of_a_build_that_has_no_end_is_refused(build, replace, name):
    replace(build / name)
    match = "not a regular file" if replace is _as_fifo else "is a link"
    refused(match, "build", build, "--board", "mps2-an386")


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["run", "compare", "export", "hil", "build"])
def test_a_fifo_or_a_device_is_no_input(tmp_path, build, verb):
    for path in (hostile.fifo(tmp_path / "fifo"), Path("/dev/zero")):
        output = ("--output", tmp_path / "o.npz")
        arguments: dict[str, tuple[object, ...]] = {
            "run": (build, "--input", path, *output),
            "compare": (build, "--input", path),
            "export": (path, "-o", tmp_path / "OUT"),
            "hil": (build, "--map", path),
            "build": (build, "--board", tmp_path / "own.toml"),
        }
        if verb == "build":
            (tmp_path / "own.toml").unlink(missing_ok=True)
            (tmp_path / "own.toml").symlink_to(path)
        refused("is not a regular file", verb, *arguments[verb])


def test_a_file_larger_than_its_bound_is_refused_unread(tmp_path, build):
    for name, verb in (("m.onnx", "export"), ("x.npz", "run"), ("x.csv", "compare")):
        with (tmp_path / name).open("wb") as file:
            file.truncate(1 << 40)
        last = ("--output", tmp_path / "o.npz") if verb == "run" else ()
        arguments = (build, "--input", tmp_path / name, *last)
        if verb == "export":
            arguments = (tmp_path / name, "-o", tmp_path / "OUT")
        refused("has 1048576 MB", verb, *arguments)


def test_what_is_within_the_bounds_is_taken(tmp_path, build):
    np.savez(tmp_path / "x.npz", x=np.zeros((50, 3)), dt=np.full(50, 0.1), other=["text"])
    done = call("run", build, "--input", tmp_path / "x.npz", "--output", tmp_path / "y.npz")
    assert done.returncode == 0, done.stderr
    (tmp_path / "lab.toml").write_text(_MAP)
    refused("is not on the map", "hil", build, "--map", tmp_path / "lab.toml", "--tag", "x")
