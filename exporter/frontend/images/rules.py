"""The rules of convolutions and pools, and of functions of images.

An ONNX image has its channels first, and the vectors of this network have them last, so each rule
reads its image in the order of storage and gives its result in the order of ONNX. What is no image
but a short vector is a matrix, as every affine operator of cells is (`reference_rules.probe`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx

from elegans.exporter.atoms.images.convolution import ConvolutionImage
from elegans.exporter.atoms.images.frame import FrameImage
from elegans.exporter.atoms.images.image import by_channel, channels_of
from elegans.exporter.atoms.images.pool import PoolImage
from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.images.geometry import window_of
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import (
    MOST_PROBED,
    Attributes,
    Outputs,
    Rule,
    probe,
)
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.numbers.sliding_window import SlidingWindow
from elegans.exporter.ops.max_pool import MaxPool
from elegans.exporter.ops.mean_pool import MeanPool

_SPATIAL = (1, 2)  # dimensions of a sequence and of an image
_VOLUME = 5  # axes of a batch of volumes, of which a mean is a map
_MOST_PRODUCTS = 1 << 26  # of all convolutions: seconds of an M7, and of an export's comparisons
_LEAST_PLANE = 2  # dimensions from which on an input is an image, however small it is


def _conv(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    image = _image(reader, place, node, flat=True)
    if image is None:
        return probe(reader, place, node, given)
    source, shape = image
    if any(name and name not in reader.constants for name in node.input[1:]):
        raise ElegansError(place, "has weights that are not constant", "use constant weights")
    kernel = reader.constants[node.input[1]]
    groups, outputs = int(given.get("group", 1)), kernel.shape[0]
    if kernel.ndim != len(shape) + 1 or groups < 1 or shape[0] != kernel.shape[1] * groups:
        raise ValueError(f"a kernel {list(kernel.shape)} for {groups} groups of {list(shape)}")
    if outputs % groups:
        raise ValueError(f"{outputs} outputs in {groups} groups")
    window, _ = window_of(given, shape, kernel.shape[2:])
    weights = np.moveaxis(kernel, 1, -1).reshape(outputs, -1)
    with_bias = len(node.input) > 2 and bool(node.input[2])
    bias = reader.constants[node.input[2]] if with_bias else np.zeros(outputs)
    if bias.shape != (outputs,):
        raise ValueError(f"{list(bias.shape)} biases for {outputs} outputs")
    products = window.positions * weights.size + sum(
        known.shape.positions * known.weights.size
        for known in reader.atoms.found.values()
        if isinstance(known, ConvolutionImage)
    )
    if products > _MOST_PRODUCTS:
        fact = f"makes {products:,} products of convolutions in a step, {_MOST_PRODUCTS:,} at most"
        raise ElegansError(place, fact, "take smaller images, fewer filters or larger strides")
    atom = ConvolutionImage(source, window, weights, np.asarray(bias, np.float64), groups)
    return [_result(reader, atom, window, len(shape))]


def _max_pool(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    if len(node.output) > 1 and node.output[1]:
        raise ElegansError(place, "gives the places of what it finds", "use its values only")
    return _pool(reader, place, node, given, MaxPool)


def _average_pool(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    volume = len(reader.tensor(node.input[0]).shape) == _VOLUME
    if volume or _image(reader, place, node, flat=True) is None:
        return probe(reader, place, node, given)
    return _pool(reader, place, node, given, MeanPool)


def _pool(
    reader: Reader,
    place: str,
    node: onnx.NodeProto,
    given: Attributes,
    kind: type[MaxPool] | type[MeanPool],
) -> Outputs:
    image = _image(reader, place, node)
    assert image is not None
    source, shape = image
    if node.op_type.startswith("Global"):
        given = {}
        size = shape[1:]
    else:
        size = tuple(given["kernel_shape"])
    window, behind = window_of(given, shape, size)
    fields = window.table()[0]
    if kind is MaxPool:
        op: MaxPool | MeanPool = MaxPool(fields)
    else:
        padded = bool(given.get("count_include_pad", 0))
        op = MeanPool(fields, np.array(behind) + 1 if padded else np.zeros(2, np.int64))
    return [_result(reader, PoolImage(source, op), window, len(shape))]


def mean_of_planes(
    reader: Reader, place: str, node: onnx.NodeProto, along: tuple[int, ...]
) -> ShapedForm | None:
    """The mean over all pixels of an image along these axes, [1, channels, 1, ...]; None for
    anything else."""
    shape = reader.tensor(node.input[0]).shape
    if len(shape) - 2 not in _SPATIAL or sorted(along) != list(range(2, len(shape))):
        return None
    form, _ = reader.affine(place, node.input[0])
    single = len(form.terms) == 1 or all(m.nnz == form.size for m in form.terms.values())
    images = (channels_of(reader.atoms.found, vector) for vector in form.terms)
    if not form.terms or not single or any(channels is None for channels in images):
        return None  # a sum of images, as behind a residual block, is an image, too
    image = _image(reader, place, node)
    assert image is not None
    window, _ = window_of({}, image[1], image[1][1:])
    op = MeanPool(window.table()[0], np.zeros(2, np.int64))
    return _result(reader, PoolImage(image[0], op), window, len(image[1]))


def in_order_of_storage(rule: Rule) -> Rule:
    """The rule of a function of each element, applied to images with their channels last.

    Only so the result has the channels last, too, and is an image for what reads it.
    """

    def ordered(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
        images = {n: reader.tensors[n] for n in node.input if n in reader.tensors}
        found = (_order(reader, image.form) for image in images.values())
        orders = [order for order in found if order is not None]
        alike = all(np.array_equal(orders[0], other) for other in orders)
        if not orders or len(orders) < len(images) or not alike:
            return rule(reader, place, node, given)
        order = orders[0]
        for name, image in images.items():
            picked = image.form.pick(order)
            assert picked is not None
            reader.tensors[name] = ShapedForm(picked, (image.size,))
        try:
            (made,) = rule(reader, place, node, given)
        finally:
            reader.tensors.update(images)
        back = reader.atoms.affine(place, made.form).pick(np.argsort(order))
        return [ShapedForm(Form(back, {}), next(iter(images.values())).shape)]

    return ordered


def of_images(rule: Rule) -> Rule:
    """The rule of a product, of which two images, as of z and sigmoid(z), make an image."""
    ordered = in_order_of_storage(rule)

    def product(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
        varying = all(name in reader.tensors for name in node.input)
        return (ordered if varying else rule)(reader, place, node, given)

    return product


def _order(reader: Reader, form: Form) -> Integers | None:
    """The rows of an image in the order of storage; None if they are, or if it is no image."""
    if form.products or len(form.affine.terms) != 1:
        return None
    ((vector, matrix),) = form.affine.terms.items()
    if channels_of(reader.atoms.found, vector) is None or matrix.shape[0] != matrix.shape[1]:
        return None
    order = np.argsort(matrix.indices)
    whole = np.arange(form.size)
    if matrix.nnz != form.size or not np.array_equal(matrix.indices[order], whole):
        return None
    return None if np.array_equal(order, whole) else order


def _image(
    reader: Reader, place: str, node: onnx.NodeProto, flat: bool = False
) -> tuple[Window, tuple[int, ...]] | None:
    """The image that a node reads as a vector with its channels last, and its (channels, height,
    width) or (channels, length).

    flat  whether a short vector that is no image may stay one: None is then returned for it
    """
    form, shape = reader.affine(place, node.input[0])
    if len(shape) - 2 not in _SPATIAL:
        fact = f"works on the shape {list(shape)}"
        raise ElegansError(place, fact, "export images [1, channels, height, width]")
    if shape[0] != 1:
        raise ElegansError(place, f"works on the shape {list(shape)}", "export a batch of 1")
    channels, pixels = shape[1], math.prod(shape[2:])
    order = np.arange(form.size).reshape(channels, pixels).T.reshape(-1)
    last = form if channels == 1 or pixels == 1 else form.pick(order)
    vectors = list(form.terms)
    known = len(vectors) == 1 and channels_of(reader.atoms.found, vectors[0]) is not None
    small = form.size <= MOST_PROBED
    if flat and small and not known and len(shape) - 2 < _LEAST_PLANE:
        return None
    window = None
    if by_channel(reader.atoms.found, last) is not None:
        window = reader.atoms.map(last)
    elif vectors == ["x"]:
        window = _frame(reader, form, last, channels)
    if window is None:
        pixelwise = bool(vectors) and all(channels_of(reader.atoms.found, v) for v in vectors)
        if flat and small and not pixelwise:
            return None
        window = reader.atoms.map(last)
    return window, shape[1:]


def _frame(reader: Reader, planes: Affine, last: Affine, channels: int) -> Window | None:
    """Inputs that are an image, each channel with a scale and an offset; None if they are not."""
    for form, planar in ((last, False), (planes, True)):
        factor = form.factor()
        if factor is None or factor[0].size != form.size:
            continue
        parts = (factor[1], form.bias)
        scale, offset = (v.reshape(channels, -1) if planar else v.reshape(-1, channels).T
                         for v in parts)  # fmt: skip
        if np.all(scale == scale[:, :1]) and np.all(offset == offset[:, :1]):
            atom = FrameImage(factor[0], planar, scale[:, 0], offset[:, 0])
            return _once(reader, atom)
    return None


def _once(reader: Reader, atom: FrameImage) -> Window:
    """The vector of a frame; the same for every reader of the same inputs."""
    for name, known in reader.atoms.found.items():
        if isinstance(known, FrameImage) and (known.x, known.planar) == (atom.x, atom.planar):
            ours, theirs = (np.stack([a.scale, a.offset]) for a in (atom, known))
            if np.array_equal(ours, theirs):
                return Window(name, 0, known.size)
    return reader.atoms.add(atom)


def _result(
    reader: Reader, atom: ConvolutionImage | PoolImage, window: SlidingWindow, rank: int
) -> ShapedForm:
    """An image in the order of ONNX."""
    made = reader.atoms.of(reader.atoms.add(atom))
    order = np.arange(atom.size).reshape(window.positions, atom.channels).T.reshape(-1)
    plane = (window.out_height, window.out_width)[3 - rank :]
    return ShapedForm(Form(made.pick(order), {}), (1, atom.channels, *plane))


IMAGE_RULES: dict[str, Callable[..., Outputs]] = {
    "Conv": _conv,
    "MaxPool": _max_pool,
    "GlobalMaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _average_pool,
}
