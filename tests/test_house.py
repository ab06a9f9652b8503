"""The rules of the packages that a machine can check: who imports whom, what a wheel contains."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from pathlib import Path

import pytest

from elegans.tests.places import CHECKOUT

# A package imports only from packages before it in this list.
_PACKAGES = [
    *(
        "exporter",
        "trainer",
        "boards",
        "hil_tests",
        "viewer",
        "packages",
        "demo",
        "commands",
        "cli",
    ),
]
_INDEPENDENT = {("trainer", "boards"), ("trainer", "hil_tests")}  # torch never reaches a lab

# Inside a package: the stages in the order of their imports. `errors`, `files` and `templates`
# are the exporter's modules that every stage may use; "" stands for the package's other modules.
_SHARED = {"exporter.errors", "exporter.files", "exporter.templates"}
_STAGES = {
    "exporter": [
        *("storage", "numbers", "ops", "ir", "atoms", "passes"),
        *("frontend", "data", "lowering", "delivery", "codegen", "cost", "native", "oracles"),
    ],
    "boards": [
        *("processes", "descriptors", "machine_code", "firmware"),
        *("flashing", "emulation", "profiling", "energy"),
    ],
    "hil_tests": ["wire", "link", "session", "lab", "reports"],
    "trainer": [
        "data",
        "wiring",
        "kernels",
        "cells",
        "networks",
        "onnx_out",
        "chip_aware",
        "learn",
        "tasks",
        "robustness",
        "search",
    ],
    "viewer": ["analysis", "wasm", "pages", "live"],
}
# Stages beside each other: neither imports the other.
_BESIDE = {("exporter.codegen", "exporter.oracles"), ("boards.flashing", "boards.emulation")}
_MOST_FILES = 12


def _imports(path: Path) -> set[str]:
    """The dotted names below `elegans` that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.removeprefix("elegans.") for name in found if name.startswith("elegans.")}


def _modules(package: str) -> list[Path]:
    paths = sorted((CHECKOUT / package).rglob("*.py"))
    return [path for path in paths if not path.name.startswith("test_")]


def _stage(name: str) -> str | None:
    """`exporter.ops` for the name of anything in it; None for what belongs to no stage."""
    package, _, rest = name.partition(".")
    stage = rest.split(".")[0]
    return f"{package}.{stage}" if stage in _STAGES.get(package, []) else None


@pytest.mark.parametrize("package", _PACKAGES[:-1])
def test_packages_import_only_what_comes_before_them(package):
    later = set(_PACKAGES[_PACKAGES.index(package) + 1 :])
    later |= {a for a, b in _INDEPENDENT if b == package}
    for path in _modules(package):
        wrong = {name for name in _imports(path) if name.split(".")[0] in later}
        assert not wrong, f"{path.relative_to(CHECKOUT)} imports {wrong}"


@pytest.mark.parametrize("package", sorted(_STAGES))
def test_stages_import_only_what_comes_before_them(package):
    order = [f"{package}.{stage}" for stage in _STAGES[package]]
    for path in _modules(package):
        own = _stage(".".join(path.relative_to(CHECKOUT).with_suffix("").parts))
        if own is None:
            continue  # a module at the package's root puts the stages together
        for name in _imports(path):
            target = _stage(name)
            place = f"{path.relative_to(CHECKOUT)} imports {name}"
            if target is None:
                root = name.startswith(f"{package}.") and ".".join(name.split(".")[:2])
                assert not root or root in _SHARED | _ROOT_MODULES, place
            elif target in order and target != own:
                assert order.index(target) < order.index(own), place
                assert (target, own) not in _BESIDE, place


# What a stage may use of its package's root, besides the shared modules: what training needs.
_ROOT_MODULES = {
    f"trainer.{name}" for name in ("checkpoint", "fit", "plots", "progress", "straight_through")
}


def test_every_folder_of_a_package_is_a_stage_and_says_what_it_may_import():
    for package, stages in _STAGES.items():
        folders = {path.parent.name for path in (CHECKOUT / package).glob("*/__init__.py")}
        assert folders == set(stages), package
        for stage in stages:
            text = ast.get_docstring(
                ast.parse((CHECKOUT / package / stage / "__init__.py").read_text())
            )
            assert text, f"{package}.{stage}"


def test_no_stage_has_more_files_than_one_can_keep_in_mind():
    for package, stages in _STAGES.items():
        for folder in (CHECKOUT / package, *(CHECKOUT / package / stage for stage in stages)):
            modules = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
            modules = {name for name in modules if not name.startswith("test_")}
            # The ops are the exception: a file an op, and the folder is their list.
            assert len(modules) <= _MOST_FILES or folder.name == "ops", folder


def test_the_tests_mirror_the_stages():
    for package, stages in _STAGES.items():
        tests = CHECKOUT / "tests" / package
        folders = {path.name for path in tests.iterdir() if list(path.glob("test_*.py"))}
        assert folders <= set(stages), f"tests/{package}"


@pytest.mark.parametrize("package", ["exporter", "boards", "hil_tests"])
def test_no_torch_is_needed_to_export_build_and_compare(package):
    for path in _modules(package):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(n.split(".")[0] == "torch" for n in names), path


def test_the_list_of_packages_is_the_list_of_folders():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    listed = project["tool"]["setuptools"]["packages"]
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    folders = {str(Path(f).parent) for f in tracked if "/" in f and (CHECKOUT / f).exists()}
    apart = ("tests", "docs", "examples", "benchmarks")
    packages = {f.replace("/", ".") for f in folders if f.split("/")[0] not in apart}
    assert set(listed) == {"elegans", *(f"elegans.{package}" for package in packages)}


def test_only_cli_py_stands_at_the_root():
    assert {p.name for p in CHECKOUT.glob("*.py")} == {"cli.py"}


def test_no_file_is_longer_than_one_sitting():
    for path in [p for name in _PACKAGES[:-1] for p in _modules(name)] + [CHECKOUT / "cli.py"]:
        lines = len(path.read_text().splitlines())
        assert lines <= 320, f"{path.relative_to(CHECKOUT)} has {lines} lines"


def test_every_op_has_its_kernel_its_header_and_its_test():
    # A constant is a table, which no kernel computes.
    ops = {p.stem for p in (CHECKOUT / "exporter" / "ops").glob("*.py")} - {"__init__", "constant"}
    folder = CHECKOUT / "tests" / "exporter" / "ops"
    tests = "\n".join(p.read_text() for p in folder.glob("test_*.py"))
    for op in ops:
        assert (CHECKOUT / f"runtime_c/include/elegans/el_{op}.h").exists(), op
        assert (CHECKOUT / f"runtime_c/src/el_{op}.c").exists(), op
        assert f"elegans.exporter.ops.{op} import" in tests, op


def _definitions(tree: ast.AST, inside: bool = False) -> list[tuple[ast.AST, bool]]:
    """The public functions and classes of a module, and whether each is a method."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            found.append((node, inside and isinstance(node, ast.FunctionDef)))
            if isinstance(node, ast.ClassDef):
                found += _definitions(node, inside=True)
    return found


def test_every_public_function_and_class_has_a_docstring_of_its_own_or_of_its_interface():
    definitions = [
        (path, node, method)
        for package in _PACKAGES[:-1]
        for path in _modules(package)
        for node, method in _definitions(ast.parse(path.read_text()))
    ]
    described = {node.name for _, node, method in definitions if method and ast.get_docstring(node)}
    silent = [
        f"{path.relative_to(CHECKOUT)}:{node.lineno} {node.name}"
        for path, node, method in definitions
        if not ast.get_docstring(node) and not (method and node.name in described)
        # Those of pytest's and of pyOCD's interfaces are described there.
        if not node.name.startswith("pytest_") and path.name != "gdb_probe.py"
    ]
    assert not silent, silent


def test_no_two_public_classes_have_the_same_name():
    """One word, one thing."""
    places: dict[str, list[str]] = {}
    for package in _PACKAGES[:-1]:
        for path in _modules(package):
            for node, _ in _definitions(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    places.setdefault(node.name, []).append(str(path.relative_to(CHECKOUT)))
    twice = {name: paths for name, paths in places.items() if len(paths) > 1}
    assert not twice, twice
