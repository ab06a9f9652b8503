"""The house rules that a machine can hold: who imports whom, and what lands in a wheel."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from pathlib import Path

import pytest

_HOUSE = Path(__file__).resolve().parents[1]

# A room imports only from rooms to its left.
_ORDER = ["exporter", "trainer", "boards", "hil_tests", "demo", "commands", "cli"]
_NEVER = {
    "exporter": {"trainer", "boards", "hil_tests", "demo", "cli"},
    "trainer": {"boards", "hil_tests", "demo", "cli"},
    "boards": {"trainer", "hil_tests", "demo", "cli"},
    "hil_tests": {"trainer", "demo", "cli"},
    "demo": {"cli"},
}
# Inside the exporter, in the order of its data flow.
_EXPORTER = [
    *("errors", "files", "synapses", "fixed", "ops", "model", "algebra", "interface"),
    *("network", "atoms"),
    *("real", "constants", "onnx_file", "ports", "onnx_reader", "onnx_rules", "prune"),
    "onnx_import",
    *("bounds", "layers", "formats", "quantise", "lowering", "lower_atoms", "lower"),
    *("reference", "accuracy", "integer_onnx", "fused", "fuse", "memory"),
    *("scratch", "layer_code", "table_code", "written_out", "step_code", "templates", "emit"),
    *("vectors", "report", "export"),
]


def _imports(path: Path) -> set[str]:
    """The dotted names below `elegans` that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.removeprefix("elegans.") for name in found if name.startswith("elegans.")}


def _modules(room: str) -> list[Path]:
    return [p for p in (_HOUSE / room).rglob("*.py") if not p.name.startswith("test_")]


@pytest.mark.parametrize("room", sorted(_NEVER))
def test_data_flows_one_way(room):
    for path in _modules(room):
        wrong = {name for name in _imports(path) if name.split(".")[0] in _NEVER[room]}
        assert not wrong, f"{path.relative_to(_HOUSE)} imports {wrong}"


def test_the_exporter_s_modules_import_only_what_comes_before_them():
    assert {p.stem for p in (_HOUSE / "exporter").glob("*.py")} - {"__init__"} == set(_EXPORTER) - {
        "ops"
    }
    for path in _modules("exporter"):
        own = "ops" if path.parent.name == "ops" else path.stem
        for name in _imports(path):
            room, _, rest = name.partition(".")
            target = rest.split(".")[0]
            if room == "exporter" and own != "__init__" and target in _EXPORTER and target != own:
                before = _EXPORTER.index(target) < _EXPORTER.index(own)
                assert before, f"{own} imports {target}, which comes after it"


@pytest.mark.parametrize("room", ["exporter", "boards", "hil_tests"])
def test_no_torch_is_needed_to_export_build_and_compare(room):
    for path in _modules(room):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(n.split(".")[0] == "torch" for n in names), path


def test_the_list_of_packages_is_the_list_of_folders():
    listed = tomllib.loads((_HOUSE / "pyproject.toml").read_text())["tool"]["setuptools"][
        "packages"
    ]
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=_HOUSE,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    folders = {str(Path(f).parent) for f in tracked if "/" in f}
    apart = ("tests", "docs", "examples", "benchmarks")
    rooms = {f.replace("/", ".") for f in folders if f.split("/")[0] not in apart}
    assert set(listed) == {"elegans", *(f"elegans.{room}" for room in rooms)}


def test_only_cli_py_stands_at_the_root():
    assert {p.name for p in _HOUSE.glob("*.py")} == {"cli.py"}


def test_no_file_is_longer_than_one_sitting():
    for path in [p for room in _ORDER[:-1] for p in _modules(room)] + [_HOUSE / "cli.py"]:
        lines = len(path.read_text().splitlines())
        assert lines <= 320, f"{path.relative_to(_HOUSE)} has {lines} lines"


def test_every_op_has_its_kernel_its_header_and_its_test():
    ops = {p.stem for p in (_HOUSE / "exporter" / "ops").glob("*.py")} - {"__init__"}
    tests = "\n".join(p.read_text() for p in (_HOUSE / "tests" / "ops").glob("test_*.py"))
    for op in ops:
        assert (_HOUSE / f"runtime_c/include/elegans/el_{op}.h").exists(), op
        assert (_HOUSE / f"runtime_c/src/el_{op}.c").exists(), op
        assert f"elegans.exporter.ops.{op} import" in tests, op
