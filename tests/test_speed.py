"""The tuned float C that elegans is compared with is right, and the table says who is ahead."""

from __future__ import annotations

import ctypes
import re
import subprocess

import numpy as np
import pytest
import torch

pytest.importorskip("ncps", reason="ncps is not installed (pip install ncps)")

from elegans.benchmarks import cells, layouts, speed, speed_cells
from elegans.benchmarks.peers.execute import PeerCost, executed
from elegans.benchmarks.peers.float_program import FLAGS, c_of, float_program
from elegans.benchmarks.speed_cells import TITLES, network, ranges
from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.emulation.virtual_board import installed_emulators
from elegans.boards.firmware.toolchain import cross_compilers, host_compiler
from elegans.tests.places import CHECKOUT

_PEERS = CHECKOUT / "benchmarks" / "peers"
_UNTRAINED = [name for name in TITLES if name not in ("ncp19", "clamped", "cfc32")]


def _library(text, folder):
    """The functions of a C text, compiled for this machine; linked without the flags, because
    gcc's -ffast-math links a start-up that makes the whole process flush subnormal numbers."""
    source, parts, library = (folder / f"peer.{kind}" for kind in ("c", "o", "so"))
    source.write_text(text)
    compiler = host_compiler().command
    command = [*compiler, *FLAGS[:3], "-c", "-fPIC", f"-I{_PEERS}", str(source), "-o", str(parts)]
    subprocess.run(command, check=True)
    subprocess.run([*compiler, "-shared", str(parts), "-lm", "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def _steps(library, net, x, dt):
    """y and h of free-running steps, [T, O + H], from rest."""
    peer, h = np.zeros(1024, np.float32), np.zeros(net.state_size, np.float32)
    y, found = np.zeros(net.output_size, np.float32), []
    library.peer_set_h(_pointer(peer), _pointer(h))
    for row, elapsed in zip(x, dt, strict=True):
        library.peer_step(
            _pointer(peer), _pointer(y), _pointer(row), ctypes.c_uint32(elapsed.view(np.uint32))
        )
        library.peer_get_h(_pointer(peer), _pointer(h))
        found.append(np.concatenate([y, h]))
    return np.array(found)


@pytest.mark.parametrize("name", [*_UNTRAINED, "dense"])
def test_the_tuned_float_c_of_a_cell_follows_float64(name, tmp_path):
    dense = name == "dense"
    net = cells.trained(cells.CELLS["CfC, lecun_tanh"][1], 0) if dense else network(name)
    (low, high), (shortest, longest) = ranges("GRU" if dense else name)
    rng = np.random.default_rng(1)
    x = rng.uniform(low, high, (40, net.input_size)).astype(np.float32)
    dt = rng.uniform(shortest, longest, 40).astype(np.float32)
    found = _steps(_library(c_of(net, "cortex-m4f"), tmp_path), net, x, dt)
    h, exact = torch.zeros(1, net.state_size).double(), []
    net = speed.in_float64(net)
    for row, elapsed in zip(torch.tensor(x).double(), torch.tensor(dt).double(), strict=True):
        y, h = net.step(row[None], h, elapsed.reshape(1, 1))
        exact.append(torch.cat([y, h], 1)[0].detach().numpy())
    assert 0 < np.abs(found - exact).max() < 5e-4


@pytest.mark.parametrize("name", ["pure", "LTC"])
def test_helium_executes_the_tuned_float_c_in_less_instructions_than_m4(name, tmp_path):
    boards = [find_board(board) for board in ("mps2-an386", "mps3-an547")]
    if "gcc" not in cross_compilers() or not all(map(installed_emulators, boards)):
        pytest.skip("needs arm-none-eabi-gcc and QEMU")
    net = network(name)
    m4, m55 = (
        executed(float_program(net, board, tmp_path), speed.in_float64(net), *ranges(name), 2)
        for board in boards
    )
    assert m55.instructions < m4.instructions / 2
    assert max(m4.error, m55.error) < 5e-4
    assert m4.error == pytest.approx(m55.error, rel=0.02)  # the same arithmetic, reassociated


@pytest.mark.parametrize(("function", "low", "high"), [("fast_tanh", -9, 9), ("fast_exp2", -40, 0)])
def test_the_kernels_errors_are_as_stated(function, low, high, tmp_path):
    text = (_PEERS / "float_kernels.h").read_text()
    stated = re.search(rf"{function} .*?at most ([\d.e-]+) ", text, re.DOTALL)
    body = "void each(float *v, int n) { for (int i = 0; i < n; i++) v[i] = %s(v[i]); }"
    library = _library(f'#include "float_kernels.h"\n{body % function}', tmp_path)
    x = np.linspace(low, high, 100_001).astype(np.float32)
    found = x.copy()
    library.each(_pointer(found), ctypes.c_int(len(found)))
    exact = np.tanh(x.astype(float)) if function == "fast_tanh" else np.exp2(x.astype(float))
    scale = 1.0 if function == "fast_tanh" else exact
    worst = np.abs((found - exact) / scale).max()
    assert 0.9 * float(stated[1]) < worst <= float(stated[1])


@pytest.mark.parametrize(
    ("ours", "float_", "ahead"), [(9_000, 300_000, 1), (9_000, 8_000, 2), (19_000, 300_000, 3)]
)
def test_the_fewest_instructions_of_a_row_are_bold(ours, float_, ahead):
    cost = {"instructions_per_step": {"max": ours}, "flash_bytes": 1, "ram_bytes": 2}
    cost |= {"cycles": {"min": 3, "max": 4}}
    row = speed.row(
        "GRU", "M0", speed.Ours(cost | {"stack_bytes": 3}, 1e-4), PeerCost(float_, 0, 0, 0, 0.0)
    )
    assert speed.others("GRU", "M0") == (18_123, "better of CMSIS-NN int8 and float")
    assert [i for i, cell in enumerate(row) if cell.startswith("**")] == [ahead]


def test_no_figure_of_elegans_is_below_its_floor():
    kept = speed.committed()
    assert {cell for cell, _ in kept} == set(TITLES)
    for (cell, core), instructions in kept.items():
        if cell in _UNTRAINED:
            floor = speed_cells.FLOORS[core].of(speed_cells.work(network(cell)))
            assert floor < instructions, f"{cell} on {core}"


@pytest.mark.parametrize("cell", ["ncp19", "cfc32"])
@pytest.mark.parametrize("core", speed_cells.FLOORS)
def test_at_cmsis_nn_s_flash_the_balanced_layout_takes_fewer_instructions(cell, core):
    """By the document, with weights of 8 bits; on M3 and M55 its flash was not written down."""
    found = layouts.points(CHECKOUT / "docs" / "size.md", core, layouts.title(cell, 8))
    ((instructions, flash),) = found["balanced"]
    theirs, most = layouts.peers(cell, core)["CMSIS-NN int8"]
    assert instructions < theirs
    assert most is None or flash < most
