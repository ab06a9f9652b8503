"""The tuned float C of one step of an LTC: a list of synapses for each neuron.

A quotient is divided by the neuron's capacitance beforehand; of each synapse's sigmoid only the
tanh is left, whose constant half is part of the neuron's sums; and the inputs' sums are computed
once for all unfolds.
"""

from __future__ import annotations

import numpy as np

from elegans.benchmarks.peers.c_text import Columns, CText, Reals, Step, real, values
from elegans.trainer.cells.ltc import LTCCell

# The sums of current and leak over the synapses of each vector of neurons.
_SUMS = """    vf current = load({start} + 2 * i * LANES);
    vf leak = load({start} + (2 * i + 1) * LANES);
    for (int n = {kind}count[i]; n > 0; n--) {{
        const vf s = fast_tanh(madd(load(p + LANES), load(p), gather({source}, from)));
        current = madd(current, load(p + 2 * LANES), s);
        leak = madd(leak, load(p + 3 * LANES), s);
        p += 4 * LANES;
        from += LANES;
    }}"""
_BODY = """float sensed[{twice}], other[{floats}];
const float *p = sensory_p;
const place *from = sensory_from;
for (int i = 0; i < {groups}; i++) {{
{sensory}
    store(sensed + 2 * i * LANES, current);
    store(sensed + (2 * i + 1) * LANES, leak);
}}
float *old = v, *new = other;
for (int unfold = 0; unfold < {unfolds}; unfold++) {{
    p = inner_p;
    from = inner_from;
    for (int i = 0; i < {groups}; i++) {{
{inner}
        const vf h = load(old + i * LANES);
        store(new + i * LANES, quotient(madd1(h, current, dt), madd1(all(1.0f), leak, dt)));
    }}
    float *const swap = old;
    old = new;
    new = swap;
}}"""


def ltc_step(cell: LTCCell, text: CText) -> Step:
    """The step of an LTC of any wiring."""
    units, floats = cell.state_size, text.padded(cell.state_size)
    leak, c = values(cell._positive("gleak")), values(cell._positive("cm")) * cell.unfolds
    current = leak * values(cell.vleak) / c
    conductance = (leak + cell.epsilon) / c
    for prefix, name in (("sensory_", "sensory"), ("", "inner")):
        mask, erev, sigma, mu = (
            values(getattr(cell, prefix + each)) for each in ("mask", "erev", "sigma", "mu")
        )
        half = 0.5 * values(cell._positive(f"{prefix}w")) * mask / c
        slope, offset = 0.5 * sigma, -0.5 * sigma * mu
        if prefix and cell.input_w is not None:  # the inputs' own map
            if cell.input_b is not None:
                offset = offset + slope * values(cell.input_b)[:, None]
            slope = slope * values(cell.input_w)[:, None]
        current, conductance = current + (half * erev).sum(0), conductance + half.sum(0)
        _synapses(text, name, mask, np.stack([slope, offset, half * erev, half]))
    both = np.stack([text.vector(current), text.vector(conductance)])
    text.floats("constant", both.reshape(2, -1, text.lanes).swapaxes(0, 1))
    parts = {
        "sensory": _SUMS.format(start="constant", kind="sensory_", source="x"),
        "inner": _SUMS.format(start="sensed", kind="inner_", source="old"),
    }
    sizes = {"floats": floats, "twice": 2 * floats, "groups": floats // text.lanes}
    body = _BODY.format(unfolds=cell.unfolds, **sizes, **parts).splitlines()
    if cell.unfolds % 2:
        body.append(f"__builtin_memcpy(v, old, {4 * floats});")
    outputs, first = cell.output_size, units - cell.output_size
    w = [1.0] * outputs if cell.output_w is None else values(cell.output_w)
    b = [0.0] * outputs if cell.output_b is None else values(cell.output_b)
    body.append(f"float mapped[{outputs}];")
    body += [f"mapped[{i}] = v[{first + i}] * {real(w[i])} + {real(b[i])};" for i in range(outputs)]
    return Step(floats, [(0, units)], body, "mapped", Columns(tuple(range(outputs)), outputs))


def _synapses(text: CText, name: str, mask: Reals, parameters: Reals) -> None:
    """The arrays of the synapses that lead to each vector of neurons.

    mask        [from, to], not 0 where there is a synapse
    parameters  [4, from, to]: slope and offset of the argument, and what its tanh counts in the
                sums of current and leak; a vector's missing synapses count 0
    """
    counts, places, rows = list[int](), list[int](), list[Reals]()
    targets = mask.shape[1]
    for first in range(0, targets, text.lanes):
        lanes = range(first, first + text.lanes)
        sources = [np.flatnonzero(mask[:, to]) if to < targets else np.zeros(0) for to in lanes]
        counts.append(max(len(one) for one in sources))
        for slot in range(counts[-1]):
            there = [int(one[slot]) if slot < len(one) else None for one in sources]
            places += [one or 0 for one in there]
            rows += [
                np.zeros(4) if source is None else parameters[:, source, to]
                for source, to in zip(there, lanes, strict=True)
            ]
    text.parts.append(f"static const uint8_t {name}_count[] = {{{', '.join(map(str, counts))}}};")
    text.places(f"{name}_from", places)
    values = np.reshape(rows, (-1, text.lanes, 4)).swapaxes(1, 2)
    text.floats(f"{name}_p", values)
