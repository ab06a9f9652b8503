"""Options of the tests, and what the workers of one run share."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

# The workers take all cores already: torch's own threads would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from elegans.boards.firmware import build, toolchain
from elegans.tests.places import TESTS
from elegans.tests.shared import SharedCompiler

with contextlib.suppress(ImportError):  # the board farm's environment has no hypothesis
    from hypothesis import settings

    # No test is about wall-clock time: on a busy machine a deadline would fail at random.
    settings.register_profile("elegans", deadline=None)
    settings.load_profile("elegans")

# Files and single tests that compile for boards, emulate, train, or take long: `make check`
# leaves them out.
_SLOW = (
    "boards/emulation/test_emulators.py",
    "boards/emulation/test_riscv_machine.py",
    "boards/firmware/test_build.py",
    "boards/firmware/test_own_board.py",
    "boards/firmware/test_real_boards.py",
    "boards/firmware/test_symbolise.py",
    "boards/flashing/test_debug_probe.py",
    "boards/flashing/test_rom_loader.py",
    "boards/profiling/test_activations.py",
    "boards/profiling/test_bench.py",
    "boards/profiling/test_constant_time.py",
    "boards/profiling/test_kernels.py",
    "boards/profiling/test_natives.py",
    "boards/profiling/test_one_map.py",
    "boards/profiling/test_stack.py",
    "boards/profiling/test_unwind.py",
    "boards/profiling/test_wide_states.py",
    "exporter/codegen/test_loops.py::test_a_loop_may_begin_with_a_vector_of_the_step_itself",
    "exporter/codegen/test_loops.py::test_unfolds_are_one_loop_with_the_bits_of_the_reference",
    "exporter/codegen/test_placement.py",
    "exporter/codegen/test_wide_solver.py",
    "exporter/cost/test_estimate.py::test_instructions_and_flash_of_a_network_that_it_was_not_fitted_to",
    "exporter/ops/test_tanh.py::test_the_table_is_the_one_that_the_search_finds",
    "exporter/passes/test_eliminate_dead.py",
    "exporter/passes/test_fold_constants.py",
    "farm/test_farm.py",
    "fuzz/test_link_fuzz.py",
    "hil_tests/lab/test_boards_of_a_run.py",
    "hil_tests/lab/test_lab_map.py::test_a_board_that_is_not_there_fails_alone",
    "hil_tests/lab/test_lab_map.py::test_hil_on_a_map_runs_the_suite_on_every_board",
    "hil_tests/lab/test_lab_map.py::test_with_a_map_only_the_kind_of_board_and_the_tag_can_be_chosen",
    "hil_tests/lab/test_lab_map.py::test_workers_run_every_test_on_every_board_of_a_map",
    "hil_tests/lab/test_own_tests.py",
    "hil_tests/lab/test_results.py",
    "hil_tests/lab/test_run_suite.py",
    "hil_tests/link/test_baud_rate.py",
    "hil_tests/link/test_link.py::test_a_board_that_falls_silent_ends_the_run_with_timeout",
    "hil_tests/reports/test_publish.py",
    "hil_tests/session/test_every_board.py",
    "hil_tests/test_plugin.py",
    "hil_tests/wire/test_faulty_cable.py",
    "test_cells.py",
    "test_ci_examples.py::test_the_job_with_virtual_boards_runs_as_it_is_written",
    "test_cli.py::test_a_terminated_run_leaves_nothing_behind",
    "test_cli.py::test_a_wrong_bit_is_found_named_and_fails_the_run",
    "test_cli.py::test_hil_prints_one_json_object_and_writes_junit",
    "test_examples.py",
    "test_figures.py",
    "test_from_ncps.py",
    "test_one_meaning.py",
    "test_train_own_data.py::test_the_example_goes_from_a_csv_file_to_a_board",
    "test_walks.py",
    "trainer/chip_aware/test_fine_tune.py",
    "trainer/chip_aware/test_on_device.py",
    "trainer/onnx_out/test_cells_of_torch.py",
    "trainer/onnx_out/test_export_circuit.py",
    "trainer/onnx_out/test_export_step.py",
    "trainer/learn/test_resume.py",
    "trainer/learn/test_trainer.py",
    "trainer/tasks/lane/test_train.py",
    "trainer/tasks/motions/test_train.py",
    "trainer/tasks/test_registry.py",
    "trainer/test_straight_through.py::test_what_lies_before_a_network_learns_through_four_steps_of_it",
    "viewer/live/test_drive_on_a_board.py",
    "viewer/live/test_live_board.py",
    "viewer/live/test_monitor.py",
    "viewer/pages/test_drive.py",
    "viewer/pages/test_playground.py",
    "viewer/wasm/test_wasm.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    numbers: dict[tuple[str, str], dict[str, int]] = {}
    for item in items:
        name = item.path.relative_to(TESTS).as_posix() if TESTS in item.path.parents else ""
        test = f"{name}::{getattr(item, 'originalname', item.name)}"
        if name in _SLOW or test in _SLOW or name.startswith("families/"):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("half") and _place(item, numbers) % 2:
            item.add_marker(pytest.mark.soak)


def pytest_collection_finish() -> None:
    """Keep the collector of garbage from what has been imported, torch among it: it would walk
    through all of that again and again, which takes a thirtieth of the time of the tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _place(item: Any, numbers: dict[tuple[str, str], dict[str, int]]) -> int:
    """The sum of a case's numbers along the axes of its grid. Names that are parametrized together
    are one axis.

    numbers  of the values of each axis that were seen, by the test and the name of the axis
    """
    together = {
        name
        for mark in item.iter_markers("parametrize")
        if not isinstance(mark.args[0], str)
        for name in mark.args[0][1:]
    }
    test, place = item.nodeid.partition("[")[0], 0
    for name, value in item.callspec.params.items():
        if name not in together:
            axis = numbers.setdefault((test, name), {})
            place += axis.setdefault(repr(value), len(axis))
    return place


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden/ with what is generated"
    )


def pytest_runtest_setup() -> None:
    """Let torch's ONNX exporter keep what it would find out anew for every file that it exports.

    That takes four times as long as all the rest. Its table of operators, for which it compiles
    five hundred functions of onnxscript, depends on the opset alone. The operators of C++, which
    it looks up once for each of fifty namespaces, are all there as soon as torch is imported.
    """
    _keep("torch.onnx._internal.exporter._registration", "ONNXRegistry", "from_torchlib")
    _keep("torch._export.utils", "_materialize_cpp_cia_ops")


def _keep(module: str, *names: str) -> None:
    """Execute a function of a module once, if a test has loaded the module."""
    *owners, name = names
    owner = sys.modules.get(module)
    for part in owners:
        owner = getattr(owner, part, None)
    made = getattr(owner, name, None)
    if made is not None and not hasattr(made, "cache_info"):
        setattr(owner, name, staticmethod(cache(made)) if owners else cache(made))


_SMALLEST = 5e-324


@pytest.fixture(autouse=True)
def subnormal_numbers() -> Iterator[None]:
    """A library that gcc links with -ffast-math makes the whole process flush subnormal numbers to
    zero: told at the test that loads it, and not at a later one that needs them."""
    yield
    assert _SMALLEST + 0.0 > 0.0, "this test made the process flush subnormal numbers to zero"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is the same for all workers of this run, and new in each run."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def shared_compiler(shared: Path) -> Iterator[SharedCompiler]:
    """Compilers that run once for the same sources, whoever asks."""
    compiler = SharedCompiler(shared / "compiled", toolchain.run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toolchain, "run", compiler)
        yield compiler


@pytest.fixture
def compiled_anew(
    shared_compiler: SharedCompiler, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """For tests of the compilers themselves: each command is executed."""
    monkeypatch.setattr(build, "kept_object", lambda *_, compiled: compiled())
    shared_compiler.on = False
    yield
    shared_compiler.on = True


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A running Chromium of the system, one for a process, because Playwright allows no second one.

    The test is skipped where there is none.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no browser: install chromium")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
