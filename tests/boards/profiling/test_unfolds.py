"""LTC's solver on every core, as its portable C says: at all ends of its numbers.

Rows of 1 to 9 synapses, of inputs also none, arguments that saturate, shifts below and above 16,
sums that are held, and neurons that no potential reaches.
"""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("capstone", reason="capstone is not installed")

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.firmware.host import HostModel
from elegans.boards.firmware.toolchain import cross_compilers
from elegans.boards.profiling.profile import profile
from elegans.tests.boards.conftest import M0_M3_M4, M55, skip_without
from elegans.tests.boards.wide_build.twin import document
from elegans.tests.places import RUNTIME, WIDE_BUILD

_STEPS = 6
# Of each solver: the shifts of arguments, neurons in all and those that no potential reaches, LEFT,
# UP and what is held.
_SOLVERS = [
    ((14, 17), 13, 4, 8, 0, (0, 0)),
    ((16, 19), 6, 5, -1, 2, (1, 0)),
    ((19, 16), 10, 1, 0, 1, (0, 1)),
    ((17, 15), 9, 0, 3, 0, (1, 1)),
]
_INPUTS = 5
# Rates and potentials come from few numbers, and go back into few; every bit of them counts.
_STEP = """
    uint32_t sum = 0, last = (uint32_t)dt;
    const int16_t t[2] = {(int16_t)(dt & 32767), (int16_t)((dt >> 15) & 15)};
    int16_t inputs[5], r[39], rate[13], v[26];
    int8_t shift[13];

    for (uint32_t i = 0; i < 26U; i++) {
        last = (last * 1664525U) + 1013904223U;
        v[i] = (int16_t)((i < 13U) ? (s->v[i % 3U] >> (i & 15U)) : (int32_t)(last >> 16));
    }
    for (uint32_t i = 0; i < 5U; i++) {
        inputs[i] = (int16_t)((i < 2U) ? x[i] : (x[0] ^ (int32_t)(last >> (5U * i))));
    }
%s
    s->v[0] ^= (int32_t)(sum & 0xFFFFFFU);
    s->v[1] = (int32_t)(sum >> 8);
    y[0] = (int16_t)sum;
"""
_CALL = """
    for (uint32_t i = 0; i < {n}U; i++) {{
        last = (last * 1664525U) + 1013904223U;
        rate[i] = (int16_t)((last >> 17) & 32767U);
        shift[i] = (int8_t)((int32_t)((last >> 8) & 63U) - 20);
    }}
    el_step_ratio(r, t, rate, shift, {quotient}U, {n}U);
    {name}(v, v, inputs, r, {name}_place, {name}_w);
    for (uint32_t i = 0; i < {twice}U; i++) {{
        sum = (sum * 31U) + (uint16_t)v[i];
    }}"""


def _synapses(rng, count, reads, ends):
    """A list of synapses as C; its sums stay below 2^29."""
    most = (1 << 14) // max(count, 1)
    found = []
    for _ in range(count):
        bias = int(rng.choice([-1, 1]) * 2 ** rng.uniform(12, 29.9))
        weight = int(rng.choice([-32768, 32767, 1, rng.integers(-32768, 32768)]))
        weights = int(rng.integers(-most, most)), int(rng.integers(0, most))
        at = int(rng.integers(0, ends))
        found.append(f"{bias}, {weight}, {reads}({at}), {weights[0]}, {weights[1]}")
    pairs = [found[i : i + 2] for i in range(0, count, 2)]
    rows = [f"EL_SYNAPSES{len(pair)}({', '.join(pair)})," for pair in pairs]
    return "\n".join([f"EL_ROUNDS({count})," if count else "0,", *rows])


def _neuron(rng, place, left, up):
    lo, hi = sorted(rng.integers(-(2**13), 2**13, 2).tolist())
    right = int(rng.integers(17, 20))
    first = right + (int(rng.integers(0, 4)) << 8 if left < 0 else 0)
    return f"EL_NEURON({first}, {17 + up}, {lo}, {hi}, {place}, {2 ** rng.integers(9, 16) + 1}),"


def _solver(name, shifts, n, still, left, up, held):
    rng = np.random.default_rng(n)
    words = []
    for _ in range(n):
        biases = rng.integers(-(2**29), 2**29), rng.integers(0, 2**29)
        words.append(f"{biases[0]}, {biases[1]}, {_synapses(rng, rng.choice(6), 'EL_INPUT', 5)}")
    words += [_neuron(rng, place, left, up) for place in range(still)]
    for place in range(still, n):
        words.append(_synapses(rng, 1 + (place * 4) % 9, "EL_POTENTIAL", n))
        words.append(_neuron(rng, place, left, up))
    held_current, held_conductance = held
    macros = {
        "NAME": name,
        "SENSED": f"{name}_sensed",
        "UNFOLD": f"{name}_unfold",
        "INPUTS": _INPUTS,
        "NEURONS": n,
        "UNFOLDS": 3,
        "STILL": still,
        "LEFT": left,
        "UP": up,
        "BITS": 24,
        "HELD_CURRENT": held_current,
        "HELD_CONDUCTANCE": held_conductance,
    }
    place = ", ".join(map(str, rng.permutation(n)))
    driven = f"{name}_unfold, {shifts[1]}, {left}, {up}, {held_current}, {held_conductance}, 24"
    return "\n".join(
        [
            f"static const uint16_t {name}_place[] = {{{place}}};",
            f"static const int32_t {name}_w[] = {{",
            *words,
            "EL_TAIL};",
            f"EL_SYNAPSES({name}_sensed, {shifts[0]})",
            f"EL_DRIVEN({driven})",
            *(f"#define EL_{key} {value}" for key, value in macros.items()),
            '#include "elegans/el_unfolds_body.h"\n',
        ]
    )


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A BUILD whose step calls the solvers; its vectors are what the portable C gives here."""
    folder = tmp_path_factory.mktemp("unfolds") / "BUILD"
    shutil.copytree(RUNTIME / "include", folder / "runtime" / "include")
    (folder / "runtime" / "src").mkdir()
    for name in ("el_step_ratio.c", "el_tanh.c", "el_unfolds.c"):
        shutil.copy(RUNTIME / "src" / name, folder / "runtime" / "src")
    shutil.copy(WIDE_BUILD / "wide.h", folder)
    text = (WIDE_BUILD / "wide.c").read_text()
    head, signature = text[: text.index("static int16_t")], "int32_t dt)\n{"
    kept = text[text.index("void wide_init") : text.index(signature) + len(signature)]
    names = [f"solver{i}" for i in range(len(_SOLVERS))]
    solvers = [_solver(name, *numbers) for name, numbers in zip(names, _SOLVERS, strict=True)]
    calls = [
        _CALL.format(name=name, n=numbers[1], twice=2 * numbers[1], quotient=19 + numbers[1])
        for name, numbers in zip(names, _SOLVERS, strict=True)
    ]
    head += '#include "elegans/el_step_ratio.h"\n#include "elegans/el_unfolds.h"\n\n' + "\n".join(
        solvers
    )
    (folder / "wide.c").write_text(head + kept + _STEP.replace("%s", "\n".join(calls)) + "}\n")
    (folder / "model.json").write_text(json.dumps(document(folder)))
    rng = np.random.default_rng(5)
    inputs = {
        "x": rng.integers(-32768, 32768, (_STEPS, 2)).astype(np.int16),
        "dt": rng.integers(0, 2**31, _STEPS).astype(np.int32),
        "h": rng.integers(-(2**31), 2**31, (_STEPS, 3)).astype(np.int32),
    }
    y, h = HostModel.compile(folder, sanitise=True).steps(inputs["x"], inputs["dt"], inputs["h"])
    results = {"y": y, "h_next": h, "section": np.ones(_STEPS, np.uint8)}
    np.savez(folder / "vectors.npz", **inputs, **results)
    return folder


@pytest.mark.half
@pytest.mark.parametrize("compiler", cross_compilers())
@pytest.mark.parametrize("level", ["0", "2"])
@pytest.mark.parametrize("board", [*M0_M3_M4, M55])
def test_a_core_s_own_solver_gives_the_bits_of_portable_c(build, board, level, compiler):
    skip_without(find_board(board), compiler)
    if level == "0" and board != "mps3-an547":
        pytest.skip("only the vectors' assembler leaves few registers")
    firmware = build_firmware(build, find_board(board), compiler, level)
    measured = profile(build, firmware, steps=_STEPS)
    assert measured.steps == _STEPS
    assert (measured.mismatches, measured.paths, measured.data_dependent) == (0, 1, ())
