"""Files that are not valid or not one step: each is refused with place, fact and remedy."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from elegans.benchmarks.accuracy import against_float
from elegans.exporter import files
from elegans.exporter.build_folder import load_model
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.lowering.lower import lower
from elegans.tests.exporter.frontend.refusal import refused
from elegans.tests.places import model_file


def test_a_missing_file(tmp_path):
    refused(tmp_path / "none.onnx", tmp_path, "No such file")


def test_a_folder_instead_of_a_file(tmp_path):
    refused(tmp_path, tmp_path, "is a folder")


@pytest.mark.parametrize("content", [b"\x08\x08hello", b"\x00" * 64])
def test_a_file_that_is_not_onnx(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    refused(path, tmp_path, "not a whole, valid ONNX|holds no graph")


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_file(worm, tmp_path, part):
    data = worm.read_bytes()
    worm.write_bytes(data[: int(len(data) * part)])
    refused(worm, tmp_path, "not a whole, valid ONNX|holds no graph|h_next|has the")


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_file_is_refused_or_read_but_never_crashes(worm, tmp_path, seed):
    rng, data, refused = np.random.default_rng(seed), worm.read_bytes(), 0
    for _ in range(60):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            damaged[place] = rng.choice([0, 1, 2, 127, 128, 255, rng.integers(256)])
        worm.write_bytes(damaged)
        try:
            lower(read_file(worm))
        except ElegansError:
            refused += 1
    assert refused > 20


def test_an_operator_that_no_cell_has(graph, save, tmp_path):
    g = graph()
    y = g.node("Det", g.linear("x", 3, 2, "gemm"))
    g.rename(y, "y", "Identity")
    g.rename("h", "h_next", "Identity")
    refused(save(g), tmp_path, "node 1 .Det.*fed by 'n0_0'.*is not an operator")


def test_a_power_of_what_may_be_negative(graph, save, tmp_path):
    g = graph()
    g.rename(g.node("Pow", g.linear("x", 3, 2, "gemm"), g.linear("x", 3, 2, "gemm")), "y", "Tanh")
    g.rename("h", "h_next", "Identity")
    refused(save(g), tmp_path, r"node 2 .Pow.*argument can be -.*log is defined.*Clip")


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        ("Log", r"node \d+ .Log.*argument can be -.*defined in 0\.\.inf.*Clip"),
        ("Sqrt", r"node \d+ .Sqrt.*argument can be -.*Clip"),
    ],
)
def test_a_function_of_what_it_is_not_defined_for(graph, save, tmp_path, metadata, kind, match):
    g = graph()
    g.rename(g.node(kind, g.linear("x", 3, 2, "gemm")), "y", "Tanh")
    g.rename(g.node("Tanh", g.linear("h", 6, 6, "gemm")), "h_next", "Identity")
    refused(save(g, metadata), tmp_path, match)


def test_a_state_that_nothing_bounds(graph, save, tmp_path):
    g = graph()
    g.rename(g.linear("x", 3, 2, "gemm"), "y", "Identity")
    g.rename(g.node("Relu", g.linear("h", 6, 6, "gemm", 2.0)), "h_next", "Identity")
    refused(save(g), tmp_path, "state .*grows without bound")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(graph, save, tmp_path, value):
    g = graph().cfc()
    broken = numpy_helper.to_array(g.held[2]).copy()
    broken.flat[1] = value
    g.held[2].CopyFrom(numpy_helper.from_array(broken, g.held[2].name))
    refused(save(g), tmp_path, f"tensor 'w2'.*element 1 is {value}")


def test_weights_too_large_for_any_scale_are_named_by_their_step(graph, save, tmp_path):
    g = graph().cfc()
    large = numpy_helper.to_array(g.held[1]) * 1e9
    g.held[1].CopyFrom(numpy_helper.from_array(large.astype(np.float32), g.held[1].name))
    refused(save(g), tmp_path, "inter_f_sum.*no int16 scale")


def _in_another_file(worm, location, **fields):
    """Stores the worm's weights in weights.bin; the model names `location` and `fields`."""
    proto = onnx.load(worm)
    onnx.save(proto, worm, save_as_external_data=True, location="weights.bin", size_threshold=0)
    proto = onnx.load(worm, load_external_data=False)
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            entry.value = {"location": location, **fields}.get(entry.key, entry.value)
    worm.write_bytes(proto.SerializeToString())


def test_weights_in_a_file_beside_the_model_are_the_same_weights(worm, tmp_path):
    one = export(Request(worm), tmp_path / "one")
    _in_another_file(worm, "weights.bin")
    assert export(Request(worm), tmp_path / "two").digest == one.digest


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "", "link.bin", "a/b.bin"])
def test_weights_outside_of_the_model_s_folder_are_not_followed(worm, tmp_path, location):
    _in_another_file(worm, location)
    (tmp_path / "link.bin").symlink_to("/etc/passwd")
    refused(worm, tmp_path, "outside of its own folder|is a link|not a whole, valid")


@pytest.mark.parametrize(
    "fields", [{"offset": "999999"}, {"length": "3"}, {"offset": "-4"}, {"offset": "x"}]
)
def test_weights_in_another_file_must_be_there_in_full(worm, tmp_path, fields):
    _in_another_file(worm, "weights.bin", **fields)
    refused(worm, tmp_path, "bytes|cannot be read|not a whole, valid")


def test_weights_in_a_file_that_is_missing(worm, tmp_path):
    _in_another_file(worm, "weights.bin")
    (tmp_path / "weights.bin").unlink()
    refused(worm, tmp_path, "cannot be read|not a whole, valid")


def test_a_sequence_instead_of_a_step(graph, tmp_path):
    g = graph().cfc()
    proto = g.model()
    proto.graph.input[0].type.CopyFrom(helper.make_tensor_type_proto(TensorProto.FLOAT, [1, 20, 3]))
    path = tmp_path / "sequence.onnx"
    path.write_bytes(proto.SerializeToString())
    refused(path, tmp_path, "does not fit|not a whole, valid")


def test_a_folder_that_is_not_an_export_is_never_replaced(worm, tmp_path):
    target = tmp_path / "thesis"
    target.mkdir()
    (target / "thesis.tex").write_text("years of work")
    with pytest.raises(ElegansError, match="no earlier export"):
        export(Request(worm), target)
    assert (target / "thesis.tex").read_text() == "years of work"


def test_a_damaged_build_is_not_loaded(built):
    path = built / "model.json"
    text = path.read_text()
    path.write_text(text.replace('"frac": 15', '"frac": 14', 1))
    with pytest.raises(ElegansError, match="own digest"):
        load_model(built)
    path.write_text(text[:200])
    with pytest.raises(ElegansError, match="damaged"):
        load_model(built)
    path.unlink()
    with pytest.raises(ElegansError, match="is not there"):
        load_model(built)


def test_a_bias_too_large_for_any_scale_is_named_as_a_bias(graph, save, tmp_path):
    g = graph().cfc()
    large = numpy_helper.to_array(g.held[2]) * np.float32(1e25)
    g.held[2].CopyFrom(numpy_helper.from_array(large, g.held[2].name))
    refused(save(g), tmp_path, r"inter_f_sum.*biases up to .*e\+2[45], no int16 scale")


def test_constants_whose_product_is_infinite(graph, save, tmp_path):
    g = graph().cfc()
    (y,) = [node for node in g.nodes if "y" in node.output]
    g.nodes.remove(y)
    large = g.hold([1e200], np.float64)
    once = g.node("Mul", y.input[0], large)
    g.rename(g.node("Mul", once, large), "y", "Identity")
    refused(save(g), tmp_path, "no int16 scale|element 0 is 1e.200")


def test_a_folder_with_another_program_s_model_json_is_never_replaced(worm, tmp_path):
    target = tmp_path / "web"
    target.mkdir()
    (target / "model.json").write_text('{"format": "layers-model", "weightsManifest": []}')
    with pytest.raises(ElegansError, match="no earlier export"):
        export(Request(worm), target)
    assert len(list(target.iterdir())) == 1


def test_an_interrupted_export_leaves_the_earlier_one(worm, built, monkeypatch):
    before = model_file(built).read_bytes()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "exchange", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(Request(worm, dt=0.05), built)
    assert model_file(built).read_bytes() == before
    assert not list(built.parent.glob(".*"))


def _with_output(g, make):
    """The worm, with outputs that `make` computes from its motor neurons."""
    (y,) = [node for node in g.nodes if "y" in node.output]
    g.nodes.remove(y)
    g.rename(make(g, y.input[0]), "y", "Identity")
    return g


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda g, h: g.node("Cast", g.node("Cast", h, to=3), to=1), "Cast.*rounds to INT8"),
        (lambda g, h: g.node("Add", h, g.hold(np.ones((2, 2)))), "has 4 elements"),
        (lambda g, h: g.node("Add", h, g.hold(np.ones((2, 1)))), "has 4 elements"),
        (lambda g, h: g.node("Div", h, h), r"node \d+ .Div.*fed by .*divides by what can be -1"),
        (lambda g, h: g.node("Div", h, g.hold([0.0])), "divides by zero"),
        (lambda g, h: g.node("MatMul", h, g.hold(np.ones(2))), "has 1 elements"),
        (lambda g, h: g.node("MatMul", h, g.hold(np.ones((2, 2, 2)))), "has 4 elements"),
        (lambda g, h: g.node("Add", h, g.hold(np.array([np.inf]))), "has an infinite element"),
        (lambda g, h: g.node("Sub", g.hold(np.array([-np.inf])), h), "has an infinite element"),
        (lambda g, h: g.node("Mul", h, g.hold(np.array([np.inf]))), "has an infinite element"),
        (lambda g, h: g.node("Concat", h, h, axis=1), "'y'.*has 4 elements.*declared with 2"),
    ],
)
def test_vectors_of_another_shape_or_kind(graph, save, tmp_path, make, match):
    refused(save(_with_output(graph().cfc(), make)), tmp_path, match)


@pytest.mark.parametrize("sizes", [(5, 5, 5), (1, 1, 1)])
def test_a_state_of_another_size_than_declared(graph, save, tmp_path, sizes):
    refused(save(_one_cell(graph(), *sizes)), tmp_path, "h_next.*declared with 6")


@pytest.mark.parametrize("blend", ["ncps", "no_gate", "difference"])
def test_one_gate_for_all_neurons_is_spread_over_them(graph, save, tmp_path, blend, metadata):
    """The kernels read one gate for each neuron: a single one would be read past its end."""
    model = export(Request(save(_one_cell(graph(), 6, 6, 1, blend), metadata)), tmp_path / "OUT")
    products = [s for s in model.steps if s.op.kernel in ("product", "wide_product")]
    assert products
    assert all(sum(w.size for w in a) == s.size for s in products for a in s.inputs)


@pytest.mark.parametrize("sizes", [(1, 6, 6), (6, 1, 6)])
@pytest.mark.parametrize("blend", ["ncps", "difference"])
def test_one_head_for_all_neurons_is_broadcast(graph, save, tmp_path, sizes, blend):
    path = save(_one_cell(graph(), *sizes, blend))
    model = export(Request(path), tmp_path / "BUILD")
    x = np.random.default_rng(0).integers(-9000, 9000, (1, 300, 3))
    held = np.clip(x, [c.lo for c in model.inputs], [c.hi for c in model.inputs])
    assert against_float(path, model, held, np.zeros((1, 300), np.int64)).worst <= 1e-3


def _one_cell(g, f_size, g_size, t_size, blend="ncps"):
    f, k = (g.node("Tanh", g.linear("x", 3, n, "gemm")) for n in (f_size, g_size))
    t = g.node("Sigmoid", g.linear("h", 6, t_size, "gemm"))
    g.rename(g.blend(f, k, t, blend), "h_next", "Identity")
    g.rename(g.linear("h", 6, 2, "gemm"), "y", "Identity")
    return g


def test_a_fixed_period_for_a_network_without_time(graph, tmp_path):
    proto = _one_cell(graph(), 6, 6, 6).model()
    del proto.graph.input[2]
    path = tmp_path / "timeless.onnx"
    onnx.save(proto, path)
    refused(path, tmp_path, "--dt.*takes no elapsed time", dt=0.1, input_ranges=((-1.0, 1.0),))
