"""Every vector of the fixed-point model has a name of its own: steps are read by their names."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from elegans.boards.firmware.host import HostModel
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir.builder import VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.vector_names import vector_names
from elegans.exporter.lowering.builder import ModelBuilder
from elegans.exporter.lowering.formats import choose_formats
from elegans.exporter.oracles import reference

_WHOLE = np.zeros(1, np.int64)  # the fractional bits of one integer


@pytest.fixture
def builder(worm):
    network = read_file(worm)
    formats = choose_formats(network, vector_names(network))
    found = ModelBuilder(network, formats, 16, None)
    found.clamp_input("x", formats.inputs, formats.inputs, Window("x", 0, 3))
    return found


def test_steps_that_ask_for_one_name_get_one_each(builder):
    def constant(value):
        return builder.constant("ratio", "layer", np.array([value]), _WHOLE)

    found = [constant(value) for value in (1, 2, 3)]
    assert [w.vector for w in found] == ["ratio", "ratio_2", "ratio_3"]
    assert [builder.interval(w).lo.tolist() for w in found] == [[1], [2], [3]]
    assert constant(2) == found[1]


def test_an_atom_whose_name_is_taken_is_refused(builder):
    builder.name("a0", VectorName("layer", "ratio"))
    builder.constant("ratio", "layer", np.array([1]), _WHOLE)
    with pytest.raises(ElegansError, match=r"^ratio: is the name of two vectors"):
        builder.constant("ratio", "layer", np.array([2]), _WHOLE)


def test_two_pieces_of_one_vector_become_states_of_other_formats(graph, metadata, tmp_path):
    """The halves of six relus are the states, in the other order; each is rescaled."""
    made = graph(3)
    joined = made.node("Concat", "x", "h", axis=-1)
    relus = made.node("Relu", made.linear(joined, 9, 6, "gemm", 0.1))
    first = made.node("Split", relus, made.hold([3, 3], np.int64), outputs=2, axis=1)
    second = first.removesuffix("0") + "1"
    made.rename(made.node("Concat", second, first, axis=1), "h_next", "Identity")
    made.rename(made.linear("h_next", 6, 2, "gemm"), "y", "Identity")
    del metadata["layers"]
    proto = made.model(metadata)
    proto.graph.input.pop()  # no elapsed time
    onnx.save(proto, tmp_path / "swapped.onnx")
    model = export(Request(tmp_path / "swapped.onnx", accept_error=1e9), tmp_path / "BUILD")
    names = [step.name for step in model.steps]
    assert {"layer0_h_state", "layer0_h_state_2"} < set(names)
    assert len(set(names)) == len(names)
    x, dt = np.random.default_rng(0).integers(-9999, 9999, (50, 3)), np.zeros(50, np.int64)
    expected = reference.run(model, x[:, None], dt[:, None]).h_next[:, 0]
    np.testing.assert_array_equal(HostModel.compile(tmp_path / "BUILD").run(x, dt)[1], expected)
