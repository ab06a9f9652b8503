"""Fusion: runs of steps that one kernel executes together, without a bit's difference.

The steps of a layer of CfC neurons (three or four maps of the same input, two tanh, a sigmoid, a
mix or a sum) become one call, and so do a map and its tanh, and a large map by itself. Each core
has a kernel for them that keeps a neuron in registers (`NAME_layers.S`). The model, its reference
and its digest are the same with and without fusion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from elegans.exporter.codegen.elementwise.loop import raised_maps
from elegans.exporter.codegen.elementwise.order import delayed, gathered
from elegans.exporter.codegen.fusion.candidates import (
    DT,
    LARGEST,
    cfc_sums,
    for_any_weights,
    looked_up,
    repeated,
    whole_vector,
)
from elegans.exporter.codegen.fusion.compact import compact, saved
from elegans.exporter.codegen.fusion.decayed import decayed
from elegans.exporter.codegen.fusion.leaky import leaky
from elegans.exporter.codegen.fusion.trimmed import trimmed
from elegans.exporter.codegen.program import (
    CfcFixedLayer,
    CfcFixedSumLayer,
    CfcLayer,
    CfcSumLayer,
    CompactLayer,
    FusedLayer,
    FusedMap,
    LayerCall,
    LinearLayer,
    PartScales,
    Program,
    ProgramStep,
    TanhLayer,
)
from elegans.exporter.delivery.layouts import Allowed
from elegans.exporter.ir.fixed_model import Argument, Step
from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    Integers,
    Interval,
    LongInterval,
    join_intervals,
)
from elegans.exporter.ops import Op
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.linear8 import Linear8
from elegans.exporter.ops.mix import Mix
from elegans.exporter.ops.sparse_linear import SparseLinear
from elegans.exporter.ops.tanh import HALF_SEGMENT, Tanh
from elegans.exporter.ops.timed_linear import RATE_SHIFT, TimedLinear
from elegans.exporter.ops.timed_linear8 import TimedLinear8

_LEAST, _LEAST_LOOKED_UP = 64, 16  # weights of a map that is worth a kernel's call
_TIMED_MAPS = 4  # those of f, g and t, and the rate of t
_LAYERS = {  # by whether the state is a mix, and whether the gate reads elapsed time
    (True, True): CfcLayer,
    (True, False): CfcFixedLayer,
    (False, True): CfcSumLayer,
    (False, False): CfcFixedSumLayer,
}

Bounds = dict[str, Interval]
Recognise = Callable[[Sequence[Step], Bounds], ProgramStep | None]


def fuse(program: Program, bounds: Bounds, allowed: Allowed, apart: set[str]) -> Program:
    """The program with its layers as single calls.

    bounds   of every vector of the program, by name
    allowed  which kernels; those of weights that are replaceable saturate
    apart    names of steps that are left as they are; so are the steps of loops
    """
    steps: list[ProgramStep] = list(program.steps)
    apart = apart | repeated(steps) | {name for loop in program.loops for name in loop.names}
    raised = frozenset(raised_maps(program)) if allowed.layout.pointwise else frozenset()
    whole = allowed.replaceable
    linear = partial(_linear, tabled=looked_up(steps), raised=raised, whole=whole)
    kinds: list[tuple[int, Recognise]] = []
    if allowed.decays:  # other weights may leave the bounds of a decay
        kinds.append((4, decayed))
    if allowed.layout.fused:
        kinds += [(7, partial(_cfc, whole=whole)), (2, partial(_tanh, whole=whole))]
    if allowed.layout.maps:
        kinds.append((1, linear))
    if allowed.compact:
        small = _fused(program, steps, [(7, compact)], bounds, apart)
        if sum(saved(s.op) for s in small if isinstance(s.op, CompactLayer)) > 0:
            steps = small
    steps = _fused(program, steps, kinds, bounds, apart)
    if allowed.replaceable:
        steps = [for_any_weights(s) if isinstance(s.op, FusedLayer) else s for s in steps]
    found = Program(program.model, gathered(steps), program.loops)
    if not allowed.layout.pointwise:
        return found
    found = Program(found.model, delayed(found), found.loops)
    if not allowed.decays:
        return found
    steps = _fused(found, found.steps, [(2, leaky)], bounds, apart)
    return Program(found.model, tuple(steps), found.loops)


def _fused(
    program: Program,
    steps: Sequence[ProgramStep],
    kinds: Sequence[tuple[int, Recognise]],
    bounds: Bounds,
    apart: set[str],
) -> list[ProgramStep]:
    """The steps, with each run that a kind recognises as one call; kinds by their steps' number."""
    steps = list(steps)
    for count, recognise in kinds:
        at = count
        while at <= len(steps):
            run = [s for s in steps[at - count : at] if isinstance(s, Step) and s.name not in apart]
            call = recognise(run, bounds) if len(run) == count else None
            if call is not None and not _read_outside(program, run):
                steps[at - count : at] = [call]
                at = max(at - count, count - 1)
            at += 1
    return steps


def _read_outside(program: Program, run: Sequence[Step]) -> bool:
    """Whether anything but this run reads what is made within it."""
    inner, own = {s.name for s in run[:-1]}, {s.name for s in run}
    read = program.read_by([s for s in program.steps if s.name not in own])
    return any(w.vector in inner for w in (*read, *program.results))


def _cfc(run: Sequence[Step], bounds: Bounds, whole: bool) -> LayerCall | None:
    """These seven steps as a layer, if they are f, g, t and their mix."""
    maps: list[FusedMap] = []
    sums = cfc_sums(run) or []
    for drive in sums:
        found = _maps(drive, bounds)
        if found is None:
            return None
        maps += found
    if not maps or not _worth_it(sums, maps, whole) or not _alike(maps):
        return None
    layer = _LAYERS[isinstance(run[-1].op, Mix), len(maps) == _TIMED_MAPS]
    return _call(run[-1], layer(tuple(maps)))


def _tanh(run: Sequence[Step], bounds: Bounds, whole: bool) -> LayerCall | None:
    """These two steps as a layer, if they are a map and its tanh."""
    drive, step = run
    if not isinstance(step.op, Tanh) or whole_vector(step.inputs[0]) != drive.name:
        return None
    maps = None if isinstance(drive.op, TimedLinear) else _maps(drive, bounds)
    return _call(step, TanhLayer(tuple(maps))) if maps and _worth_it([drive], maps, whole) else None


def _linear(
    run: Sequence[Step],
    bounds: Bounds,
    tabled: frozenset[str],
    raised: frozenset[str],
    whole: bool,
) -> LayerCall | None:
    """A map by itself, if it is so large that copying its inputs and results is worth it; `whole`
    if other weights may read what these do not."""
    (drive,) = run
    op, least = drive.op, _LEAST_LOOKED_UP if drive.name in tabled else _LEAST
    if not isinstance(op, Linear) or op.weights.shape[0] * op.weights.shape[1] < least:
        return None
    more = drive.name in raised
    own = drive if whole else trimmed(drive)
    maps = _maps(own, bounds, half_segment=HALF_SEGMENT if more else 0)
    worth = maps and _worth_it([drive], maps, whole)
    return _call(drive, LinearLayer(tuple(maps), more)) if maps and worth else None


def _call(last: Step, op: FusedLayer) -> LayerCall:
    """The call that stands for a run of steps which ends with `last`."""
    read = tuple(dict.fromkeys(w for m in op.maps for w in m.windows))
    inputs = (read, DT) if op.timed else (read,)
    return LayerCall(last.name, op, inputs, last.size, last.frac)


def _worth_it(drives: Sequence[Step], maps: list[FusedMap], whole: bool) -> bool:
    """Whether at least half of the weights are synapses: the kernels go through them all. If
    `whole`, weights that round to zero count, too, because other weights do not."""
    synapses = sum(int(np.count_nonzero(m.weights)) for m in maps)
    if whole:
        synapses = sum(_stored(drive.op) for drive in drives)
    return synapses * 2 >= sum(m.weights.size for m in maps)


def _stored(op: Op) -> int:
    """The weights that a map has in its tables."""
    if isinstance(op, SparseLinear):
        return len(op.weights.columns)
    return sum(int(getattr(op, name).size) for name in ("weights", "rates") if hasattr(op, name))


def _alike(maps: list[FusedMap]) -> bool:
    """Whether maps of int8 weights read the same inputs in the same two parts."""
    first, *others = maps
    if first.scales is None:
        return all(m.scales is None for m in others)
    return all(
        m.scales is not None and (m.windows, m.scales.first) == (first.windows, first.scales.first)
        for m in others
    )


def _scales(
    op: Linear8 | TimedLinear8, windows: Argument, lifts: Integers, whole: int
) -> PartScales:
    ends = np.cumsum([window.size for window in windows])
    return PartScales(int(np.searchsorted(ends, op.split, side="right")), lifts, whole)


def _maps(step: Step, bounds: Bounds, half_segment: int = HALF_SEGMENT) -> list[FusedMap] | None:
    """A step's maps; None if its rows do not share a shift, or leave no room in int32, in which
    the kernels add."""
    op, windows = step.op, step.inputs[0]
    if len(set(windows)) < len(windows) or getattr(op, "sums", None) is LongInterval:
        return None
    if isinstance(op, TimedLinear):
        return _timed(op, windows, bounds)
    if isinstance(op, SparseLinear) and op.weights.size > LARGEST:
        return None
    if not isinstance(op, Linear) or not (shift := _shared(op)):
        return None
    x, weights = _interval(windows, bounds), np.asarray(op.weights)
    offset = _offset(shift, half_segment)
    bias = op.bias + offset
    reach = np.abs(weights) @ x.reach() + np.abs(op.bias) + offset
    if reach.max() > INT32_MAX:
        return None
    sums = x @ Interval.of(weights.T, weights.T) + Interval.of(bias, bias)
    scales = None
    if isinstance(op, Linear8):
        weights, scales = op.small(), _scales(op, windows, op.lifts, 0)
    return [FusedMap(windows, weights, bias, shift, _saturates(sums, shift), scales)]


def _timed(op: TimedLinear, windows: Argument, bounds: Bounds) -> list[FusedMap] | None:
    x, dt = _interval(windows, bounds), bounds["dt_in"]
    shift = _shared(op)
    reach = op.reach(x.reach(), int(dt.reach()[0]))
    if not shift or reach.max() + (HALF_SEGMENT << shift) > INT32_MAX:
        return None
    bias, rate_bias = op.bias + _offset(shift), op.rate_bias + (1 << (RATE_SHIFT - 1))
    still = x @ Interval.of(op.weights.T, op.weights.T) + Interval.of(bias, bias)
    rates = x @ Interval.of(op.rates.T, op.rates.T) + Interval.of(rate_bias, rate_bias)
    saturates = _saturates(still + (rates >> RATE_SHIFT) * dt, shift)
    if isinstance(op, TimedLinear8):
        whole = op.whole.tolist()
        ends = (bias >> whole[0], shift, saturates), (rate_bias >> whole[1], RATE_SHIFT, False)
        lifts = op.lifts, op.rate_lifts
        return [
            FusedMap(windows, w, *end, _scales(op, windows, lift, raised))
            for w, end, lift, raised in zip(op.small(), ends, lifts, whole, strict=True)
        ]
    return [
        FusedMap(windows, op.weights, bias, shift, saturates),
        FusedMap(windows, op.rates, rate_bias, RATE_SHIFT, False),
    ]


def _shared(op: Linear | TimedLinear) -> int:
    """The one shift of all rows of a map, or 0; also for a list of int8 weights."""
    shifts = set(op.shift.tolist())
    listed = isinstance(op, SparseLinear) and op.weight_bits == 8
    return int(shifts.pop()) if len(shifts) == 1 and not listed else 0


def _saturates(sums: Interval, shift: int) -> bool:
    shifted = sums >> shift
    return bool(shifted.lo.min() < INT16_MIN or shifted.hi.max() > INT16_MAX)


def _interval(windows: Argument, bounds: Bounds) -> Interval:
    return join_intervals([bounds[w.vector][w.lo : w.hi] for w in windows])


def _offset(shift: int, half_segment: int = HALF_SEGMENT) -> int:
    """What rounds, and half a segment of tanh's table, which the kernels look up with."""
    return (half_segment << shift) + ((1 << shift) >> 1)
