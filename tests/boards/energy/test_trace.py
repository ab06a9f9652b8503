"""Energy from recorded traces, and the estimate of a board."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.energy import meters
from elegans.boards.energy.estimate import estimate
from elegans.boards.energy.trace import COLUMNS, Trace, read_trace, steps_of
from elegans.cli import main
from elegans.exporter.errors import ElegansError, WrongUseError


def _trace(steps, hz=1_000_000, seconds=3e-5, idle=2e-5, current=8e-3, voltage=3.3):
    """Steps of `seconds` at `current`, with idle times of a tenth of it between them."""
    high, low = round(seconds * hz), round(idle * hz)
    mark = np.array(([0.0] * low + [1.0] * high) * steps + [0.0] * low)
    return Trace(
        np.arange(len(mark)) / hz,
        np.where(mark > 0, current, current / 10),
        np.full(len(mark), voltage),
        mark,
    )


def _written(trace, path, names=COLUMNS):
    rows = zip(trace.time, trace.current, trace.voltage, trace.mark, strict=True)
    lines = [",".join(names), *(",".join(f"{value:.9g}" for value in row) for row in rows)]
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("hz", [100_000, 1_000_000])
def test_each_step_gets_the_energy_between_its_edges(hz, tmp_path):
    trace = read_trace(_written(_trace(5, hz), tmp_path / "trace.csv"))
    found = steps_of(trace, "trace")
    assert found.seconds == pytest.approx([3e-5] * 5)
    assert found.joules == pytest.approx([3e-5 * 8e-3 * 3.3] * 5)


@pytest.mark.parametrize(("begin", "end", "steps"), [(30, None, 4), (0, -30, 4), (30, -30, 3)])
def test_a_step_that_is_cut_off_is_not_counted(begin, end, steps):
    whole = _trace(5)
    cut = Trace(*(column[begin:end] for column in vars(whole).values()))
    assert steps_of(cut, "trace").joules == pytest.approx([3e-5 * 8e-3 * 3.3] * steps)


@pytest.mark.parametrize(
    ("names", "change", "fact"),
    [
        (("time", "current", "voltage", "pin"), {}, "has no column 'mark'"),
        (COLUMNS, {"mark": np.zeros(270)}, "has no step"),
        (COLUMNS, {"time": np.zeros(270)}, "times that do not increase"),
        (COLUMNS, {"current": np.full(270, np.nan)}, "values that are none"),
    ],
)
def test_a_trace_without_steps_is_refused(names, change, fact, tmp_path):
    trace = Trace(**vars(_trace(5)) | change)
    with pytest.raises(ElegansError, match=fact):
        steps_of(read_trace(_written(trace, tmp_path / "trace.csv", names)), "trace")


def test_an_estimate_is_cycles_times_time_and_charge():
    board = find_board("nucleo-l432kc")
    found = estimate(board, (800.0, 1600.0), 800)
    assert found.microseconds == pytest.approx((10.0, 25.0))  # 100 lines of 8 bytes, 4 cycles each
    assert found.microjoules == pytest.approx((800 * 84e-6 * 3.3, 2000 * 84e-6 * 3.3))
    least, most = found.steps_a_day
    assert most * 365 * found.microjoules[0] == pytest.approx(0.225 * 3600 * 3.0 * 1e6)
    assert least < most


@pytest.mark.parametrize(
    ("board", "time", "energy"),
    [
        ("nucleo-l432kc", True, True),
        ("stm32f429i-disc1", True, False),
        ("mps2-an386", False, False),
    ],
)
def test_nothing_is_estimated_of_what_no_document_states(board, time, energy):
    found = estimate(find_board(board), (1.0, 2.0), 100)
    assert (found is not None, bool(found and found.microjoules)) == (time, energy)


@pytest.mark.parametrize(("meter", "extra"), [("joulescope", "joulescope"), ("ppk2", "ppk2")])
def test_a_missing_library_is_named_with_the_way_to_install_it(meter, extra, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(meters.importlib, "import_module", absent)
    with pytest.raises(ElegansError, match=rf"pip install 'elegans\[{extra}\]'"):
        meters.record(meter, find_board("nucleo-l432kc"), 0.1)


def test_a_ppk2_is_read_as_its_library_gives_samples(monkeypatch):
    trace = _trace(3, hz=100_000)

    class Kit:
        list_devices = staticmethod(lambda: ["port"])

        def __init__(self, port):
            self.calls, self.left = [], [b"all"]

        def __getattr__(self, name):
            return lambda *given: self.calls.append((name, *given))

        def get_data(self):
            return self.left.pop() if self.left else b""

        def get_samples(self, data):
            return list(trace.current * 1e6), [int(m) | 2 for m in trace.mark]

    monkeypatch.setattr(meters, "_library", lambda *_: type("library", (), {"PPK2_API": Kit}))
    found = steps_of(meters.record("ppk2", find_board("nucleo-l432kc"), 0.06), "ppk2")
    assert found.joules == pytest.approx([3e-5 * 8e-3 * 3.3] * 3)


def test_a_joulescope_is_read_as_its_library_gives_samples(monkeypatch):
    trace = _trace(3)
    signals = {"current": trace.current, "voltage": trace.voltage, "current_lsb": trace.mark}

    class Scope:
        __enter__ = __exit__ = lambda self, *_: None

        def parameter_set(self, name, value):
            assert (name, value) == ("current_lsb", "gpi0")

        def read(self, contiguous_duration, out_format, fields):
            found = {name: {"value": signals[name]} for name in fields}
            return {"time": {"sampling_frequency": {"value": 1e6}}, "signals": found}

    library = type("library", (), {"scan_require_one": staticmethod(lambda config: Scope())})
    monkeypatch.setattr(meters, "_library", lambda *_: library)
    found = steps_of(meters.record("joulescope", find_board("nucleo-l432kc"), 0.1), "joulescope")
    assert found.joules == pytest.approx([3e-5 * 8e-3 * 3.3] * 3)


def test_bench_shows_what_a_trace_has(worm, tmp_path):
    path = _written(_trace(4), tmp_path / "trace.csv")
    arguments = ["bench", str(worm), "--board", "nucleo-l432kc"]
    arguments += ["--measure", "csv", "--trace", str(path)]
    told = CliRunner().invoke(main, arguments).stdout
    assert "measured with csv, 4 steps: 30 .. 30 .. 30 us, 0.792 .. 0.792 .. 0.792 uJ" in told
    assert "a CR2032 (225 mAh at 3 V) pays for" in told
    found = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert found["measured"]["microjoules"]["mean"] == pytest.approx(0.792)
    cycles, time = found["cycles"], found["estimate"]["microseconds"]
    assert time["min"] == pytest.approx(cycles["min"] / 80, rel=1e-3)
    assert time["max"] > cycles["max"] / 80


@pytest.mark.parametrize(
    "more", [["--measure", "csv"], ["--trace", "x.csv"], ["--measure", "ppk2", "--trace", "x.csv"]]
)
def test_a_trace_without_csv_is_a_wrong_use(more, worm):
    result = CliRunner().invoke(main, ["bench", str(worm), "--board", "microbit", *more])
    assert isinstance(result.exception, WrongUseError) or result.exit_code == 2
