"""Where convolutions saturate: several times beyond what sample images reach.

Intervals multiply by the sum of a kernel's weights in every layer, and the values by about its
root: after five layers of 500 weights the bounds are a million times as wide as the values, and
int16 has no digits left. So each channel gets an end at which it saturates, a power of two at least
`MARGIN` times as far as any sample reaches. Everything after it is proved from these ends. Samples
choose a format only: whatever they are, no integer overflows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from elegans.exporter.atoms.images.convolution import ConvolutionImage
from elegans.exporter.ir.real_network import Network
from elegans.exporter.ir.spans import Span
from elegans.exporter.numbers.fixed import Reals

MARGIN = 4.0
_LEAST = 2.0**-3  # of a layer's end, that of any of its channels: a sample may miss a channel
_NOISE, _EDGES = 4, 2  # samples of noise, and of pixels at their ends
_STRIPES = (2, 8, 32, 128, 512, 2048)  # elements of one level, in the other samples
_SEED = 302


def with_ends(network: Network, spans: dict[str, Span]) -> Network:
    """The network with the ends of its convolutions chosen. `spans` are those of x and dt."""
    if not any(isinstance(a, ConvolutionImage) and a.reach is None for a in network.atoms.values()):
        return network
    x = _samples(spans["x"])
    dt = np.array(spans["dt"]).mean(axis=0) if "dt" in spans else np.zeros(1)
    h = np.zeros((len(x), sum(w.size for w in network.h_next)))
    vectors = {"x": x, "dt": np.tile(dt, (len(x), 1)), "h": h}
    atoms = dict(network.atoms)
    for name in _needed(network):
        atom = atoms[name]
        vectors[name] = atom.value(vectors)
        if isinstance(atom, ConvolutionImage) and atom.reach is None:
            atoms[name] = replace(atom, reach=_ends(vectors[name], atom.channels))
    return replace(network, atoms=atoms)


def _ends(values: Reals, channels: int) -> Reals:
    """[channels] the ends, for the values [N, size] of all samples."""
    reach = np.abs(values).max(axis=0).reshape(-1, channels).max(axis=0) * MARGIN
    reach = np.maximum(reach, reach.max() * _LEAST)
    _, exponent = np.frexp(np.where(reach > 0, reach, 1.0))
    return np.asarray(np.ldexp(1.0, exponent))


def _needed(network: Network) -> list[str]:
    """The atoms that convolutions are computed from, and these, in their order."""
    found: set[str] = set()
    for name, atom in reversed(network.atoms.items()):
        if isinstance(atom, ConvolutionImage) or name in found:
            found |= {name} | (atom.vectors() & network.atoms.keys())
    return [name for name in network.atoms if name in found]


def _samples(x: Span) -> Reals:
    """Inputs [N, I] within their ranges: noise, edges, stripes, and the ends themselves."""
    random = np.random.default_rng(_SEED)
    lo, hi = x
    size = len(lo)
    parts = [random.uniform(size=(_NOISE, size)), random.integers(0, 2, (_EDGES, size))]
    for width in _STRIPES:
        parts.append(random.uniform(size=(1, size // width + 1)).repeat(width, axis=1)[:, :size])
    parts += [np.full((1, size), share) for share in (0.0, 0.5, 1.0)]
    return np.asarray(lo + np.concatenate(parts) * (hi - lo))
