"""The portable kernels of fused layers, compiled for this machine: the bits of the reference.

el_cfc, el_cfc_sum, el_cfc8, el_cfc_sum8, el_cfc_fixed, el_cfc_fixed_sum, el_cfc_fixed8,
el_cfc_fixed_sum8, el_tanh_layer, el_tanh_layer8, el_linear_layer and el_linear_layer8, and with the
layout for size el_cfc_compact and el_cfc_compact8, on el_compact.
"""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from elegans.boards.firmware.host import HostModel
from elegans.exporter.export import Request, export
from elegans.exporter.storage.npz_arrays import load_arrays
from elegans.tests.exporter.conftest import INPUTS, LAYERS, Graph
from elegans.tests.places import model_file

_UNITS, _OUTPUTS = 45, 6


class _Uneven(Graph):
    """Weights of one size; those of the first inputs are larger, in each row by another factor,
    so that int8 weights get scales of their own. So do the rates of the time gates if they are
    another `rate` large. All maps of a layer lack the same synapses: `present` tells how many
    exist."""

    def __init__(self, uneven: float, scale: float, rate: float, present: float) -> None:
        super().__init__(3)
        self._uneven, self._scale, self._present = uneven, scale, present
        self._sizes = [1.0, 1.0, rate, 1.0] * len(LAYERS)  # of the maps f, g, rate and t

    def weights(self, cols: int, rows: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
        w = self.rng.uniform(0.3, 1.0, (rows, cols)) * self.rng.choice([-1, 1], (rows, cols))
        size = self._sizes.pop(0) if self._sizes else 1.0
        w *= size * self._scale * scale * (self.rng.random((rows, cols)) < 0.8)
        w *= np.random.default_rng(3).random((rows, cols)) < self._present
        w[:, : cols // 3] *= self._uneven ** np.linspace(0, 1, rows)[:, None]
        return w, self.rng.normal(0, 0.2, rows)


def _network(
    uneven: float, scale: float, rate: float, present: float = 1.0, blend: str = "ncps"
) -> Graph:
    """Two layers of CfC neurons, and behind them a wide map with its tanh, and one without."""
    g = _Uneven(uneven, scale, rate, present)
    state, inter = [], "x"
    for cols, rows, own in zip((INPUTS, LAYERS[0]), LAYERS, g.split("split"), strict=True):
        inter = g.cell(inter, own, cols + rows, rows, "gemm", blend)
        state.append(inter)
    joined = g.node("Concat", *state, axis=1)
    g.rename(joined, "h_next", "Identity")
    hidden = g.node("Tanh", g.linear(joined, sum(LAYERS), _UNITS, "gemm"))
    g.rename(g.linear(hidden, _UNITS, _OUTPUTS, "gemm", 0.19), "y", "Identity")
    return g


_NETWORKS = {
    "timed": ({}, {}, "cfc tanh_layer linear_layer"),
    "fixed": ({}, {"dt": 0.05}, "cfc_fixed tanh_layer linear_layer"),
    "saturating": ({"scale": 12.0}, {}, "cfc tanh_layer linear_layer"),
    "sum": ({"blend": "no_gate", "scale": 2.0}, {}, "cfc_sum tanh_layer linear_layer"),
    "sum, fixed": ({"blend": "no_gate"}, {"dt": 0.05}, "cfc_fixed_sum"),
    "sum, int8": ({"blend": "no_gate", "scale": 2.0}, {"weight_bits": 8}, "cfc_sum8"),
    "sum, int8 in two parts": (
        {"blend": "no_gate", "uneven": 9.0},
        {"weight_bits": 8},
        "cfc_sum8",
    ),
    "sum, int8 fixed": (
        {"blend": "no_gate", "uneven": 9.0},
        {"weight_bits": 8, "dt": 0.05},
        "cfc_fixed_sum8",
    ),
    "int8": ({}, {"weight_bits": 8}, "cfc8 tanh_layer8 linear_layer8"),
    "int8 in two parts": ({"uneven": 9.0}, {"weight_bits": 8}, "cfc8 tanh_layer8"),
    "int8, fast": ({"rate": 30.0}, {"weight_bits": 8}, "cfc8"),
    "int8, slow": ({"rate": 0.02}, {"weight_bits": 8}, "cfc8"),
    "int8 fixed": ({"uneven": 9.0}, {"weight_bits": 8, "dt": 0.05}, "cfc_fixed8"),
    "small and dense": ({}, {"layout": "size"}, "cfc tanh_layer linear"),
    "small": ({"present": 0.6}, {"layout": "size"}, "cfc_compact"),
    "small, fixed, saturating": (
        {"scale": 12.0, "present": 0.6},
        {"layout": "size", "dt": 0.05},
        "cfc_compact",
    ),
    "small int8, fast": (
        {"rate": 30.0, "present": 0.6},
        {"layout": "size", "weight_bits": 8},
        "cfc_compact8",
    ),
    "small int8, slow": (
        {"rate": 0.02, "present": 0.6},
        {"layout": "size", "weight_bits": 8},
        "cfc_compact8",
    ),
    "small int8": (
        {"uneven": 9.0, "present": 0.6},
        {"layout": "size", "weight_bits": 8},
        "cfc_compact8",
    ),
}


@pytest.mark.parametrize("name", _NETWORKS)
def test_fused_layers_have_the_bits_of_their_ops_in_turn(tmp_path, metadata, name):
    network, options, kernels = _NETWORKS[name]
    metadata["outputs"] = [{"name": f"y{i}", "unit": ""} for i in range(_OUTPUTS)]
    del metadata["layers"]
    metadata["inputs"][1]["range"] = [-1.0, 1.0]
    made = _network(**({"uneven": 1.0, "scale": 0.5, "rate": 1.0} | network))
    onnx.save(made.model(metadata, outputs=_OUTPUTS), tmp_path / "net.onnx")
    export(Request(tmp_path / "net.onnx", accept_error=2.0, **options), tmp_path / "BUILD")
    text = model_file(tmp_path / "BUILD").read_text()
    for kernel in kernels.split():
        assert f"el_{kernel}(" in text
    vectors = load_arrays(tmp_path / "BUILD" / "vectors.npz")
    y, h = HostModel.compile(tmp_path / "BUILD").steps(vectors["x"], vectors["dt"], vectors["h"])
    np.testing.assert_array_equal(h, vectors["h_next"])
    np.testing.assert_array_equal(y, vectors["y"])
    assert min(len(np.unique(column)) for column in h.T) > 50
