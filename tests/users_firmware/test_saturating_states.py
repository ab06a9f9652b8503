"""States that nothing but their range bounds, in a model whose signals have awkward names."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import onnx
import pytest
from onnx import helper

from elegans.boards.firmware import toolchain
from elegans.exporter.build_folder import load_model
from elegans.exporter.export import Request, export
from elegans.exporter.oracles import reference
from elegans.exporter.saturation import saturations
from elegans.tests.exporter.frontend.steps import Step

_STEPS = 300
_MAIN = """
#include <stdio.h>
#include "pump_float.h"
#include "pump_health.h"

static const int16_t given[PUMP_INPUTS] = {GIVEN};

int main(void)
{
    pump_state s;
    pump_health health;
    int16_t y[PUMP_OUTPUTS];
    int seen = 0;

    pump_init(&s);
    pump_health_init(&health);
    for (int i = 0; i < STEPS; i++) {
        pump_watched_step(&health, &s, y, given);
        seen += pump_check(&health) == PUMP_STATE_SATURATED;
    }
    printf("%lu %lu %d %d", (unsigned long)health.steps, (unsigned long)health.saturated, seen,
           pump_x_temp_from(0.5F) == PUMP_X_TEMP_MAX_FROM(0.5));
    return 0;
}
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """h' = h + W x, whose inputs and outputs are called as macros of each other would be."""
    folder = tmp_path_factory.mktemp("pump")
    g = Step()
    g.node("Add", "h", g.linear("x", 3, 5), output="h_next")
    g.node("Tanh", g.linear("h_next", 5, 2), output="y")
    path = folder / "pump.onnx"
    g.save(path, {"x": [1, 3], "h": [1, 5]}, {"y": [1, 2], "h_next": [1, 5]})
    proto = onnx.load(path)
    names = ("temp", "temp_max", "temp_from")
    meta = {"name": "pump", "inputs": [{"name": n, "range": [-1, 1]} for n in names]}
    meta["outputs"] = [{"name": "flow"}, {"name": "flow_to_float"}]
    helper.set_model_props(proto, {"elegans": json.dumps(meta)})
    onnx.save(proto, path)
    request = Request(path, state_ranges=((None, (-8.0, 8.0)),), accept_error=1e9)
    export(request, folder / "BUILD")
    return folder / "BUILD"


def test_steps_after_which_a_state_is_at_an_end_are_counted_as_the_reference_has_them(build):
    model = load_model(build)
    given = [c.hi for c in model.inputs]
    text = _MAIN.replace("GIVEN", ", ".join(map(str, given))).replace("STEPS", str(_STEPS))
    (build.parent / "main.c").write_text(text)
    line = ["-std=c99", *toolchain.WARNINGS, f"-I{build}", f"-I{build}/runtime/include"]
    line += [*map(str, sorted(build.rglob("*.c"))), "main.c", "-o", "main"]
    toolchain.run(toolchain.host_compiler(), line, build.parent, "pump")
    done = subprocess.run([build.parent / "main"], capture_output=True, text=True, check=True)
    found = reference.run(model, np.full((_STEPS, 3), given), np.zeros(_STEPS, np.int64))
    (one,) = saturations(model.states, found.h_next)
    assert 0 < one.steps < _STEPS
    assert done.stdout.split() == [str(_STEPS), str(one.steps), str(one.steps), "1"]


def test_a_macro_that_another_signal_has_is_left_out_and_told(build):
    text = (build / "pump_float.h").read_text()
    for name in ("PUMP_X_TEMP_MAX", "PUMP_X_TEMP_FROM"):
        assert f"#define {name} " not in text
        assert f"#define {name}(" not in text
        assert f"There is no macro {name}: another signal has that name" in text
    assert "#define PUMP_X_TEMP_MIN " in text
    assert "#define PUMP_Y_FLOW_TO_FLOAT(" not in text
    assert "#define PUMP_Y_FLOW_TO_FLOAT_TO_FLOAT(y)" in text


def test_a_model_without_elapsed_time_has_no_clock(build):
    assert not (build / "pump_clock.h").exists()
    assert "step_at" not in (build / "pump.hpp").read_text()
    assert "DT_FROM" not in (build / "pump.h").read_text()
