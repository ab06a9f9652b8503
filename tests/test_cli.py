"""The command line: exit codes, errors in one line, help texts with an example."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys

import click
import numpy as np
import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.commands.chip import hil as hil_command
from elegans.commands.options.values import Pair
from elegans.exporter.native import library
from elegans.exporter.native.compiled_run import compiled_run
from elegans.exporter.oracles import reference
from elegans.hil_tests.lab.run_suite import BoardRun, Outcome
from elegans.tests.places import GOLDEN, model_file

_VERBS = [
    "train",
    "robust",
    "sweep",
    "export",
    "build",
    "flash",
    "run",
    "compare",
    "hil",
    "bench",
    "package",
    "verify",
    "boards",
    "doctor",
    "demo",
    "inspect",
    "drive",
    "monitor",
]


def _call(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="session")
def _exported_once(tmp_path_factory):
    """The worm's BUILD, with the firmware of the board that is taken by default."""
    build = tmp_path_factory.mktemp("cli") / "BUILD"
    result = _call("export", GOLDEN / "worm.onnx", "-o", build)
    assert result.exit_code == 0, result.output
    _call("build", build)  # without a compiler the tests that need one fail by themselves
    return build


@pytest.fixture
def exported(_exported_once, tmp_path):
    """A BUILD that a test may damage."""
    return shutil.copytree(_exported_once, tmp_path / "BUILD")


def _recording(path, steps=50, **more):
    rng = np.random.default_rng(5)
    x = rng.uniform([-1, 0, -0.3], [1, 40, 0.1], (steps, 3))
    np.savez(path, x=x, dt=rng.uniform(0.01, 0.2, steps), **more)
    return path


@pytest.mark.parametrize("verb", _VERBS)
def test_every_verb_has_help_with_an_example(verb):
    result = _call(verb, "--help")
    assert result.exit_code == 0
    assert f"Example:\n    elegans {verb}" in result.output


def _commands(group, before=""):
    """The path and the command of everything that can be called: ("boards scan", ...)."""
    for name, command in group.commands.items():
        yield f"{before}{name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")


def test_the_list_of_verbs_above_is_complete():
    assert list(main.commands) == _VERBS


@pytest.mark.parametrize("path", dict(_commands(main)))
def test_every_option_of_every_verb_says_what_it_is(path):
    command = dict(_commands(main))[path]
    assert command.help
    assert command.epilog
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert option.help, option.opts


@pytest.mark.parametrize("verb", ["build", "flash", "run", "hil", "bench", "export"])
def test_the_old_name_of_level_and_layout_is_refused_in_one_line(verb):
    result = _call(verb, "x", "--optimise", "2")
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    new = "--layout speed|balanced|size" if verb == "export" else "--level auto|0|1|2|3|s"
    assert f"'elegans {verb}': use {new}" in result.output


def test_export_tells_first_what_it_took_the_ports_for_and_notes_last(tmp_path):
    _recording(tmp_path / "r.npz")
    arrays = dict(np.load(tmp_path / "r.npz"))
    np.savez(tmp_path / "r.npz", x=arrays["x"] * [0.1, 0.1, 1], dt=arrays["dt"])
    source, recording = GOLDEN / "worm.onnx", tmp_path / "r.npz"
    result = _call("export", source, "-o", tmp_path / "B", "--recording", recording)
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "sensors x[3] (-1:1, 0:40, -0.3:0.1), states h[6], elapsed time dt (0.01:0.2 s), "
        "outputs y[2]"
    )
    assert [line.split(":")[:2] for line in lines[-2:]] == [["note", " touch"], ["note", " heat"]]


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("h:h_next", ("h", "h_next")),
        ("onnx::Gemm_1:onnx::Gemm_25", ("onnx::Gemm_1", "onnx::Gemm_25")),
        ("x:0:y:0", ("x:0", "y:0")),
        ("1:12", ("1", "12")),
    ],
)
def test_names_of_states_may_have_colons_of_their_own(text, pair):
    assert Pair("IN:OUT", str).convert(text, None, None) == pair


def test_a_board_that_nobody_knows(exported):
    result = _call("build", exported, "--board", "pdp-11")
    assert result.exit_code == 2
    assert "pdp-11" in result.output
    assert "mps2-an386" in result.output


@pytest.mark.parametrize("compiler", ["zig", "gcc"])
def test_a_missing_compiler_is_named_with_how_to_get_it(exported, monkeypatch, compiler):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setitem(sys.modules, "ziglang", None)
    result = _call("build", exported, "--compiler", compiler)
    assert result.exit_code == 1
    assert {"zig": "elegans[sim]", "gcc": "gcc-arm-none-eabi"}[compiler] in result.output


def test_build_tells_flash_ram_and_the_stack_of_the_firmware(exported):
    pytest.importorskip("ziglang")
    found = json.loads(_call("build", exported, "--json").output)
    assert 300 < found["stack_needed"] < 2000 < found["stack_reserved"]
    text = f"firmware {found['stack_needed']:,} of {found['stack_reserved']:,} bytes stack"
    assert text in _call("build", exported).output


@pytest.mark.parametrize(
    "words",
    [
        ["build"],
        ["flash"],
        ["hil"],
        ["bench"],
        ["run", "--on", "host", "--input", "in.npz", "--output", "out.npz"],
    ],
)
def test_a_changed_weight_is_never_compiled(exported, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    _recording(tmp_path / "in.npz")
    text = model_file(exported).read_text()
    model_file(exported).write_text(text.replace("1", "2", 1))
    result = _call(words[0], exported, *words[1:])
    assert result.exit_code == (3 if words[0] in ("flash", "hil") else 1)  # a board was not tested
    assert ".c: was changed after the export" in result.output
    assert "export it again" in result.output


@pytest.mark.parametrize("emulator", ["unicorn", "qemu"])
def test_a_missing_emulator_is_named_with_how_to_get_it(exported, monkeypatch, emulator):
    pytest.importorskip("ziglang")
    assert _call("build", exported).exit_code == 0
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setitem(sys.modules, "unicorn", None)
    result = _call("flash", exported, "--emulator", emulator)
    assert result.exit_code == 3
    assert {"unicorn": "elegans[sim]", "qemu": "qemu-system-arm"}[emulator] in result.output


@pytest.mark.parametrize("on", ["reference", "onnx", "host", "mps2-an386"])
def test_run_writes_the_same_file_wherever_it_runs(exported, tmp_path, on):
    source = _recording(tmp_path / "in.npz", h0=np.linspace(-0.5, 0.5, 6))
    outputs = []
    for where in ("reference", on):
        result = _call(
            *("run", exported, "--input", source, "--output", tmp_path / f"{where}.npz"),
            *("--on", where),
        )
        assert result.exit_code == 0, result.output
        outputs.append((tmp_path / f"{where}.npz").read_bytes())
    assert outputs[0] == outputs[1]
    arrays = np.load(tmp_path / "reference.npz")
    assert arrays["y"].shape == (50, 2)
    assert arrays["h_int"].dtype == np.int16
    np.testing.assert_array_equal(arrays["h"], arrays["h_int"] / 2**15)


@pytest.mark.parametrize("compilers", [True, False])
def test_run_says_what_was_compared_in_a_long_series(exported, tmp_path, monkeypatch, compilers):
    monkeypatch.setattr(reference, "_LONG", 50)
    story = "NumPy repeats and compares every step"
    if not compilers:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setattr(library, "_compilers", lambda: iter(()))
        compiled_run.cache_clear()
        story = "NumPy takes one step after the other, which '--on host' does sooner: no C compiler"
    source, output = _recording(tmp_path / "in.npz"), tmp_path / "y.npz"
    result = _call(
        *("run", exported, "--input", source, "--output", output), *("--on", "reference")
    )
    compiled_run.cache_clear()
    assert result.exit_code == 0, result.output
    assert story in result.stderr
    assert output.is_file()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"x": np.full((5, 3), 50.0), "dt": np.full(5, 0.1)}, "touch at step 0: 50 lies outside"),
        ({"x": np.zeros((5, 3)), "dt": np.full(5, 9.0)}, "dt at step 0: 9 lies outside"),
        ({"x": np.zeros((5, 3)), "dt": np.full(5, 0.1), "h0": np.full(6, 2.0)}, "inter[0]"),
        ({"x": np.zeros((5, 3)), "dt": np.full(5, 0.1), "h0": np.zeros(7)}, "h0 has the shape"),
        ({"x": np.zeros((2, 5, 4)), "dt": np.full((2, 5), 0.1)}, "x has the shape (2, 5, 4)"),
    ],
)
def test_run_refuses_what_the_model_cannot_take(exported, tmp_path, change, text):
    np.savez(tmp_path / "in.npz", **change)
    result = _call(
        "run", exported, "--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz"
    )
    assert result.exit_code == 1
    assert text in result.output
    assert not (tmp_path / "out.npz").exists()


def _csv(path, rows):
    lines = [",".join(map(str, row)) for row in rows]
    path.write_text("\n".join(["touch,heat,salt,dt", *lines]) + "\n")
    return path


def test_run_takes_a_csv_file_as_it_takes_an_npz_file(exported, tmp_path):
    arrays = dict(np.load(_recording(tmp_path / "in.npz")))
    _csv(tmp_path / "in.csv", np.hstack([arrays["x"], arrays["dt"][:, None]]).tolist())
    for kind in ("npz", "csv"):
        source, output = tmp_path / f"in.{kind}", tmp_path / f"{kind}_out.npz"
        result = _call("run", exported, "--input", source, "--output", output)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "npz_out.npz").read_bytes() == (tmp_path / "csv_out.npz").read_bytes()


@pytest.mark.parametrize("kind", ["npz", "csv"])
def test_values_that_are_missing_or_outside_are_refused_and_clip_puts_them_right(
    exported, tmp_path, kind
):
    x = np.array([[np.nan, 0, 0], [9, 1, 0], [np.nan, 2, 0], [0.5, 3, 0]])
    dt = np.array([0.1, 0.1, 9, 0.1])
    source = tmp_path / f"in.{kind}"
    if kind == "npz":
        np.savez(source, x=x, dt=dt)
    else:
        text = _csv(source, np.hstack([x, dt[:, None]]).tolist()).read_text()
        source.write_text(text.replace("nan", ""))
    call = ("run", exported, "--input", source, "--output")
    refused = _call(*call, tmp_path / "out.npz")
    assert refused.exit_code == 1
    assert "--clip" in refused.output
    result = CliRunner().invoke(main, [*map(str, call), str(tmp_path / "a.npz"), "--clip"])
    assert result.exit_code == 0, result.output
    first, second = result.stderr.splitlines()[:2]
    assert "1 of 4 values clipped to -1 to 1 N" in first
    assert "2 of 4 missing, each taken as the one before it" in first
    assert second == "dt: 1 of 4 values clipped to 0.01 to 0.2 s"
    np.savez(source := tmp_path / "right.npz", x=[[0, 0, 0], [1, 1, 0], [1, 2, 0], [0.5, 3, 0]],
             dt=[0.1, 0.1, 0.2, 0.1])  # fmt: skip
    assert _call("run", exported, "--input", source, "--output", tmp_path / "b.npz").exit_code == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_network_without_elapsed_time_does_not_speak_of_an_export_with_one(tmp_path):
    torch = pytest.importorskip("torch")
    from elegans.trainer import export_onnx

    export_onnx(torch.nn.GRUCell(2, 4), 2, tmp_path / "gru.onnx", input_ranges=(-1, 1))
    build = tmp_path / "BUILD"
    assert _call("export", tmp_path / "gru.onnx", "-o", build).exit_code == 0
    np.savez(tmp_path / "in.npz", x=np.zeros((3, 2)), dt=[1, 2, 3])
    result = _call("run", build, "--input", tmp_path / "in.npz", "--output", tmp_path / "o.npz")
    assert result.exit_code == 1
    assert "this network takes no elapsed time; leave dt out" in result.output


def test_hil_prints_one_json_object_and_writes_junit(exported, tmp_path):
    result = CliRunner().invoke(
        main, ["hil", str(exported), "--json", "--junit", str(tmp_path / "hil.xml")]
    )
    assert result.exit_code == 0, result.output
    verdict = json.loads(result.stdout)
    assert verdict["mismatches"] == 0
    assert verdict["vectors"] == 5512
    assert verdict["instructions_per_step"]["min"] > 0
    assert 0 < verdict["flash_bytes"] < 10_000
    assert 0 < verdict["ram_bytes"] < 1000
    assert 0 < verdict["stack_bytes"] < 1000
    assert 'failures="0"' in (tmp_path / "hil.xml").read_text()


def test_a_wrong_bit_is_found_named_and_fails_the_run(exported, tmp_path):
    """One unit more in one expected state of one golden vector."""
    arrays = dict(np.load(exported / "vectors.npz"))
    arrays["h_next"][700, 4] ^= 1
    np.savez(exported / "vectors.npz", **arrays)
    document = json.loads((exported / "model.json").read_text())
    digest = hashlib.sha256((exported / "vectors.npz").read_bytes()).hexdigest()
    document["files"]["vectors.npz"] = digest
    (exported / "model.json").write_text(json.dumps(document))
    result = _call("hil", exported, "--junit", tmp_path / "hil.xml")
    assert result.exit_code == 1
    assert "vector 700" in result.output
    assert "motor[0]" in result.output
    assert 'type="MISMATCH"' in (tmp_path / "hil.xml").read_text()


def test_a_build_that_is_not_as_it_was_exported_is_no_wrong_bit(exported, tmp_path):
    """Another model's vectors, or a format that somebody edited, say nothing of a board."""
    whole = (exported / "vectors.npz").read_bytes()
    arrays = dict(np.load(exported / "vectors.npz"))
    arrays["h_next"][700, 4] ^= 1
    np.savez(exported / "vectors.npz", **arrays)
    result = _call("hil", exported)
    assert result.exit_code == 2
    assert "vectors.npz: has not the digest that model.json states" in result.output
    (exported / "vectors.npz").write_bytes(whole)
    text = (exported / "model.json").read_text()
    (exported / "model.json").write_text(text.replace('"frac": 15', '"frac": 14', 1))
    result = _call("hil", exported)
    assert result.exit_code == 2
    assert "model.json: does not match its own digest" in result.output


def test_what_cannot_become_a_file_is_refused_before_the_run(exported, tmp_path):
    source, pipe = _recording(tmp_path / "in.npz"), tmp_path / "pipe"
    os.mkfifo(pipe)
    for target in (pipe, tmp_path):
        result = _call("run", exported, "--input", source, "--output", target)
        assert (result.exit_code, "is not a file" in result.output) == (2, True)
        result = _call("hil", exported, "--junit", target)
        assert (result.exit_code, "is not a file" in result.output) == (2, True)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_run_writes_npz_files_only_and_never_over_the_data(exported, tmp_path):
    source = _recording(tmp_path / "in.npz")
    before = source.read_bytes()
    for target, fact in ((source, "is what is read"), ("y.csv", "y.csv has another ending")):
        result = _call("run", exported, "--input", source, "--output", target)
        assert (result.exit_code, fact in result.output) == (2, True)
    assert source.read_bytes() == before


def test_a_reference_of_another_model_is_an_error_in_one_line(exported, tmp_path):
    shutil.copy(GOLDEN / "worm.onnx", exported / "reference.onnx")
    source = _recording(tmp_path / "in.npz")
    result = _call(
        *("run", exported, "--input", source, "--output", tmp_path / "out.npz", "--on", "onnx")
    )
    assert result.exit_code == 1
    assert "reference.onnx" in result.output
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "text"),
    [("--board", "no board"), ("--compiler", "Invalid value"), ("--emulator", "Invalid value")],
)
def test_the_demo_refuses_what_is_not_there_before_it_trains(tmp_path, option, text):
    result = _call("demo", "--short", "-o", tmp_path / "demo", option, "nope")
    assert result.exit_code == 2
    assert text in result.output
    assert "imitate" not in result.output
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("verb", ["train lane", "demo"])
def test_what_takes_long_says_what_it_does_before_torch_is_loaded(tmp_path, verb):
    code = f"""
import sys
import elegans.trainer.progress as progress
def first(self, *what):
    print(*what, "torch" in sys.modules)
    sys.exit(0)
progress._Lines.__call__ = first
from elegans.cli import main
main({[*verb.split(), "-o", str(tmp_path / "out")]!r})
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].split()[0] == "load", done.stderr
    assert done.stdout.split()[-1] == "False"


def test_the_demo_says_how_its_model_gets_on_a_real_board(tmp_path):
    result = _call("demo", "-o", tmp_path / "demo", "--board", "nucleo-l432kc")
    assert result.exit_code == 2
    assert "is a real board, and the demo drives an emulated one; leave --board" in result.output
    assert "--port" not in result.output


def test_the_folder_above_a_build_is_answered_with_the_build(exported, tmp_path):
    exported.rename(tmp_path / "export")
    result = _call("build", tmp_path)
    assert result.exit_code == 2
    assert f"which is {tmp_path / 'export'}" in result.output


def test_a_path_with_spaces_is_quoted_in_the_next_command(exported, tmp_path):
    source = _recording(tmp_path / "my data.npz")
    result = _call("run", exported, "--input", source, "--output", tmp_path / "out.npz")
    assert f"--input '{source}'" in result.output


def test_a_verb_names_the_next_one_on_stderr_only(exported, tmp_path):
    source = _recording(tmp_path / "in.npz")
    call = ["run", exported, "--input", source, "--output", tmp_path / "out.npz"]
    result = CliRunner().invoke(main, [*map(str, call)])
    assert result.stderr.splitlines()[-1] == f"next: elegans compare {exported} --input {source}"
    assert "next:" not in result.stdout
    assert "next:" not in CliRunner().invoke(main, ["boards", "--json"]).output
    assert "next:" not in _call("build", tmp_path).output


def test_boards_that_are_absent_are_not_called_plugged_in():
    assert "plugged in" not in _call("boards").output


def test_training_refuses_a_place_that_cannot_be_written_before_it_starts(tmp_path):
    (tmp_path / "file").touch()
    result = _call("train", "lane", "-o", tmp_path / "file" / "lane", "--short")
    assert result.exit_code == 2
    assert "which is a file" in result.output
    assert "imitate" not in result.output


def test_a_terminated_run_leaves_nothing_behind(exported, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, "-c", "from elegans.cli import main; main()", "hil", str(exported)]
    environment = os.environ | {"TMPDIR": str(scratch)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("vectors")
        assert list(scratch.glob("elegans-*"))
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert not list(scratch.glob("elegans-*"))


def test_onnxruntime_tells_nobody_about_a_model():
    code = "import elegans.exporter.export, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("elegans.cli", ("torch", "onnx", "elegans.exporter.lowering")),
        ("elegans.boards.emulation.unicorn_board", ("numpy",)),
    ],
)
def test_what_starts_often_imports_only_what_it_needs(module, absent):
    code = f"import sys, {module}; sys.exit(any(m in sys.modules for m in {absent}))"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0


def test_elapsed_times_may_be_a_column(exported, tmp_path):
    source = _recording(tmp_path / "row.npz")
    arrays = dict(np.load(source))
    np.savez(tmp_path / "column.npz", x=arrays["x"], dt=arrays["dt"][:, None])
    for name in ("row", "column"):
        given, written = tmp_path / f"{name}.npz", tmp_path / f"{name}_out.npz"
        result = _call("run", exported, "--input", given, "--output", written)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "row_out.npz").read_bytes() == (tmp_path / "column_out.npz").read_bytes()


def test_time_that_varies_is_refused_where_the_period_was_fixed(tmp_path):
    build = tmp_path / "BUILD"
    assert _call("export", GOLDEN / "worm.onnx", "-o", build, "--dt", "0.05").exit_code == 0
    source = _recording(tmp_path / "in.npz")
    result = _call("run", build, "--input", source, "--output", tmp_path / "out.npz")
    assert result.exit_code == 1
    assert "sample period was fixed at export" in result.output
    assert not (tmp_path / "out.npz").exists()


def test_a_model_json_nested_without_end_is_refused_in_one_line(exported, tmp_path):
    (exported / "model.json").write_text("[" * 200_000)
    source = _recording(tmp_path / "in.npz")
    result = _call("run", exported, "--input", source, "--output", tmp_path / "out.npz")
    assert result.exit_code == 1
    assert "is damaged" in result.output


def test_retries_are_told_also_when_no_test_reached_the_board(capsys):
    tried = ("1 of 1: SYNC: the port was not there",)
    test = Outcome("test_bits::test_x", "error", "SYNC", "ttyX: there is no port", retries=tried)
    hil_command._print_one(GOLDEN, BoardRun("b", tests=[test]), None, False)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "elegans: SYNC: ttyX: there is no port"
    assert lines[1] == f"  retry {tried[0]} (test_bits::test_x)"
