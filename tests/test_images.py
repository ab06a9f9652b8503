"""Networks that see images: read as torch computes them, the same bits in every execution."""

from __future__ import annotations

import itertools
import shutil
import warnings
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import nn

from elegans.boards.firmware.host import HostModel
from elegans.exporter.codegen.plan import plan
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir import real_network
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.declared import with_formats, with_ranges
from elegans.exporter.ir.raw_format import raw_format
from elegans.exporter.lowering.lower import lower, lower_with_proof
from elegans.exporter.oracles import reference
from elegans.exporter.oracles.integer_onnx import integer_onnx

_NEURONS, _LANES = 3, 6


class Seeing(nn.Module):
    """A head that sees an image, and a few tanh neurons behind it."""

    def __init__(self, image: tuple[int, ...], *head: nn.Module) -> None:
        super().__init__()
        self.image, self.head = image, nn.Sequential(*head).eval()
        for module in self.head.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -0.5, 0.5)
                nn.init.uniform_(module.running_var, 0.5, 2.0)
                nn.init.uniform_(module.weight, 0.5, 2.0)
                nn.init.uniform_(module.bias, -0.5, 0.5)
        with torch.no_grad():
            features = self.head(torch.zeros(1, *image)).numel()
        self.cell = nn.Linear(features + _NEURONS, _NEURONS)
        self.motor = nn.Linear(_NEURONS, 1)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = self.head(x).flatten(1)
        h = torch.tanh(self.cell(torch.cat([seen, h], dim=1)))
        return self.motor(h), h

    def save(self, path) -> None:
        examples = torch.zeros(1, *self.image), torch.zeros(1, _NEURONS)
        names = {"input_names": ["x", "h"], "output_names": ["y", "h_next"]}
        more = {"dynamo": False, "opset_version": 17, "training": torch.onnx.TrainingMode.PRESERVE}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(self.eval(), examples, str(path), **names, **more)


def _conv(*args, **more) -> nn.Conv2d:
    return nn.Conv2d(*args, **more)


_HEADS = {
    "strided": lambda: ((3, 9, 12), _conv(3, 6, 5, stride=2), nn.ReLU(), _conv(6, 5, 2), nn.ReLU()),
    "padded": lambda: ((1, 7, 8), _conv(1, 4, 3, padding=1), nn.ReLU(), _conv(4, 3, 3, padding=2)),
    "dilated": lambda: ((2, 9, 9), _conv(2, 3, 3, dilation=(2, 3)), nn.Tanh()),
    "grouped": lambda: ((4, 6, 6), _conv(4, 6, 3, groups=2), nn.ReLU(), _conv(6, 6, 2, groups=6)),
    "normalised": lambda: (
        *((3, 8, 8), nn.BatchNorm2d(3), _conv(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.BatchNorm2d(4), _conv(4, 2, 3, padding=1), nn.ReLU()),
    ),
    "pools": lambda: (
        *((3, 11, 13), _conv(3, 4, 3), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1, ceil_mode=True)),
        *(_conv(4, 4, 2), nn.AvgPool2d(2, padding=1), nn.ReLU()),
        nn.AvgPool2d(3, 2, ceil_mode=True, count_include_pad=False, padding=1),
    ),
    "global": lambda: ((3, 8, 9), _conv(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
    "elu": lambda: ((2, 8, 8), _conv(2, 4, 3), nn.ELU(), _conv(4, 3, 3), nn.LeakyReLU(0.1)),
    "clipped": lambda: (
        *((2, 9, 9), _conv(2, 4, 3, stride=2), nn.ReLU6(), _conv(4, 4, 3, padding=1, groups=4)),
        *(nn.Hardtanh(-0.3, 0.2), _conv(4, 3, 2), nn.LeakyReLU(0.1), _conv(3, 3, 2)),
    ),
    "sigmoid": lambda: ((2, 8, 8), _conv(2, 4, 3), nn.Sigmoid(), nn.MaxPool2d(2), _conv(4, 3, 2)),
    "deep": lambda: (
        *((1, 6, 6), _conv(1, 4, 3, padding=1), nn.ReLU(), _conv(4, 4, 1), nn.ReLU()),
        *(
            _conv(4, 4, 3, padding=1, groups=4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(144, 5),
            nn.ReLU(),
        ),
    ),
}


@pytest.fixture(scope="module", params=sorted(_HEADS))
def seen(request, tmp_path_factory):
    """The path of a graph, and its module."""
    torch.manual_seed(sorted(_HEADS).index(request.param))
    net = Seeing(*_HEADS[request.param]())
    path = tmp_path_factory.mktemp("images") / f"{request.param}.onnx"
    net.save(path)
    return path, net


def _network(path):
    graph = open_graph(path)
    return read_network(graph, with_ranges(read_interface(graph), [(0.0, 1.0)], None, None))


def _inputs(model, random):
    lo, hi = (np.array([getattr(c, end) for c in model.inputs]) for end in ("lo", "hi"))
    x = random.integers(lo, hi + 1, (_LANES, len(lo)))
    x[0], x[1] = lo, hi
    return x


def test_an_image_is_read_as_torch_computes_it(seen):
    path, net = seen
    random = np.random.default_rng(1)
    x = random.uniform(0, 1, (_LANES, *net.image))
    h = random.uniform(-1, 1, (_LANES, _NEURONS))
    with torch.no_grad():
        y, h_next = net.double()(torch.from_numpy(x), torch.from_numpy(h))
    found = real_network.step(_network(path), x.reshape(_LANES, -1), np.zeros((_LANES, 1)), h)
    np.testing.assert_allclose(found[0], y.numpy(), atol=1e-5)
    np.testing.assert_allclose(found[1], h_next.numpy(), atol=1e-5)


def test_the_integers_are_near_float_and_those_of_onnxruntime(seen):
    path, _ = seen
    network, random = _network(path), np.random.default_rng(2)
    model = lower(network)
    x, h = _inputs(model, random), random.integers(-32767, 32768, (_LANES, _NEURONS))
    y, h_next = reference.step(model, x, np.zeros((_LANES, 1), np.int64), h)
    session = ort.InferenceSession(integer_onnx(model).SerializeToString())
    other = session.run(None, {"x": x.astype(np.int16), "h": h.astype(np.int16)})
    np.testing.assert_array_equal(other[0], y)
    np.testing.assert_array_equal(other[1], h_next)
    real = to_real(x, model.inputs), to_real(h, model.states)
    exact, exact_h, _ = real_network.step(network, real[0], np.zeros((_LANES, 1)), real[1])
    np.testing.assert_allclose(to_real(h_next, model.states), exact_h, atol=1e-3)
    np.testing.assert_allclose(to_real(y, model.outputs), exact, atol=1e-3)


def test_the_c_repeats_the_golden_vectors_and_has_no_undefined_behaviour(seen, tmp_path):
    path, _ = seen
    build = tmp_path / "BUILD"
    export(Request(path, input_ranges=((0.0, 1.0),), accept_error=1.0), build)
    host = HostModel.compile(build, "gcc" if shutil.which("gcc") else "zig", "2", sanitise=True)
    v = dict(np.load(build / "vectors.npz").items())
    rows = np.flatnonzero(v["section"] == 0)[:40]
    for i in rows:
        y, h = host.run(v["x"][i : i + 1], v["dt"][i : i + 1], v["h"][i])
        np.testing.assert_array_equal(y, v["y"][i : i + 1])
        np.testing.assert_array_equal(h, v["h_next"][i : i + 1])


class _HardSwish(nn.Module):
    """As optimisers write it out."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * nn.functional.hardsigmoid(x)


@pytest.mark.parametrize(
    "function",
    [nn.ReLU6(), nn.SiLU(), nn.Mish(), nn.LeakyReLU(), _HardSwish()],
    ids=lambda function: type(function).__name__,
)
def test_behind_every_function_an_image_is_an_image(tmp_path, function):
    """A convolution that read a vector would be a matrix of all its pixels."""
    head = _conv(1, 4, 3), function, _conv(4, 4, 3)
    Seeing((1, 9, 9), *head).save(tmp_path / "net.onnx")
    graph = open_graph(tmp_path / "net.onnx")
    network = read_network(graph, with_ranges(read_interface(graph), [(-1.0, 1.0)], None, None))
    kinds = [type(atom).__name__ for atom in network.atoms.values()]
    assert kinds.count("ConvolutionImage") == 2


class _Residual(nn.Module):
    """x and what a convolution makes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = _conv(4, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.inner(x)


@pytest.mark.parametrize("axes", [(2, 3), (-1, -2)])  # torch's dynamo exporter writes the latter
def test_the_mean_over_all_pixels_is_a_pool_in_any_spelling(tmp_path, axes):
    head = _conv(1, 4, 3), nn.ReLU(), _Residual(), nn.AdaptiveAvgPool2d(1)
    path = tmp_path / "net.onnx"
    Seeing((1, 9, 9), *head).save(path)
    pooled = [(step.op.kernel, step.size) for step in lower(_network(path)).steps]
    model = onnx.load(path)
    (pool,) = (node for node in model.graph.node if node.op_type == "GlobalAveragePool")
    pool.op_type = "ReduceMean"
    pool.attribute.append(onnx.helper.make_attribute("axes", axes))
    onnx.save(model, path)
    assert [(step.op.kernel, step.size) for step in lower(_network(path)).steps] == pooled


def test_memory_is_that_of_the_largest_two_neighbours(tmp_path):
    torch.manual_seed(0)
    head = [_conv(2, 8, 3), nn.ReLU(), _conv(8, 8, 3), nn.ReLU(), _conv(8, 16, 3), nn.ReLU()]
    Seeing((2, 20, 20), *head).save(tmp_path / "net.onnx")
    lowered = lower_with_proof(_network(tmp_path / "net.onnx"))
    sizes = [step.size for step in lowered.model.steps if step.size > 256]
    assert sizes == [2 * 20 * 20, 8 * 18 * 18, 8 * 16 * 16, 16 * 14 * 14]
    code = plan(lowered.model, lowered.bounds)
    assert code.placement.image_size == max(a + b for a, b in itertools.pairwise(sizes))


def _read(net: Seeing, path, raw: str | None = None):
    net.save(path)
    graph = open_graph(path)
    interface = with_ranges(read_interface(graph), [(0.0, 1.0)], None, None)
    if raw is not None:
        interface = with_formats(interface, ((None, raw_format(raw)),))
    return read_network(graph, interface)


def test_the_counts_of_a_camera_and_their_normalisation_are_one_pass(tmp_path):
    torch.manual_seed(1)
    net = Seeing((3, 8, 8), nn.BatchNorm2d(3), _conv(3, 4, 3, padding=1), nn.ReLU())
    network = _read(net, tmp_path / "net.onnx", "uint8:0:1")
    model = lower(network)
    kernels = [step.op.kernel for step in model.steps]
    assert kernels[:3] == ["frame", "convolution", "linear"]
    assert "clamp" not in kernels
    assert {(c.lo, c.hi, c.frac) for c in model.inputs} == {(0, 255, 0)}
    counts = np.random.default_rng(0).integers(0, 256, (_LANES, 3 * 64))
    h = np.zeros((_LANES, _NEURONS), np.int64)
    _, found = reference.step(model, counts, h[:, :1], h)
    _, exact, _ = real_network.step(network, counts / 255.0, np.zeros((_LANES, 1)), h * 0.0)
    np.testing.assert_allclose(to_real(found, model.states), exact, atol=2e-3)


class WithSpeed(Seeing):
    """A second input beside the image, which a map reads."""

    def __init__(self) -> None:
        super().__init__((2, 6, 6), _conv(2, 4, 3), nn.ReLU())
        self.cell = nn.Linear(64 + 2 + _NEURONS, _NEURONS)

    def forward(self, x, speed, h):
        seen = self.head(x).flatten(1)
        h = torch.tanh(self.cell(torch.cat([speed, seen, h], dim=1)))
        return self.motor(h), h

    def save(self, path) -> None:
        examples = torch.zeros(1, 2, 6, 6), torch.zeros(1, 2), torch.zeros(1, _NEURONS)
        names = {"input_names": ["x", "speed", "h"], "output_names": ["y", "h_next"]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(self.eval(), examples, str(path), dynamo=False, **names)


def test_only_what_maps_read_of_the_inputs_is_clamped_and_kept(tmp_path):
    torch.manual_seed(2)
    network = _read(WithSpeed(), tmp_path / "net.onnx")
    lowered = lower_with_proof(network)
    model = lowered.model
    clamped = {step.name: step for step in model.steps}["x_in"]
    assert [(w.vector, w.lo, w.hi) for a in clamped.inputs for w in a] == [("x", 72, 74)]
    assert plan(model, lowered.bounds).placement.state_size == 2 + _NEURONS
    x = _inputs(model, np.random.default_rng(3))
    h = np.zeros((_LANES, _NEURONS), np.int64)
    _, found = reference.step(model, x, h[:, :1], h)
    real = to_real(x, model.inputs), np.zeros((_LANES, 1)), h * 0.0
    np.testing.assert_allclose(
        to_real(found, model.states), real_network.step(network, *real)[1], atol=1e-3
    )


@pytest.mark.parametrize(
    ("image", "head", "told"),
    [
        ((2, 4, 4, 4), [nn.Conv3d(2, 2, 3)], "export images"),
        ((3, 140, 140), [_conv(3, 64, 9)], "products of convolutions"),
    ],
)
def test_what_no_kernel_computes_is_refused_with_a_reason(tmp_path, image, head, told):
    with pytest.raises(ElegansError, match=told):
        _read(Seeing(image, *head), tmp_path / "net.onnx")


def test_pixels_of_a_channel_have_one_range(tmp_path):
    torch.manual_seed(3)
    network = _read(Seeing((2, 5, 5), _conv(2, 2, 3), nn.ReLU()), tmp_path / "net.onnx")
    first, *others = network.interface.inputs
    inputs = (replace(first, range=(0.0, 4.0)), *others)
    uneven = replace(network, interface=replace(network.interface, inputs=inputs))
    with pytest.raises(ElegansError, match="pixels have different ranges"):
        lower(uneven)
