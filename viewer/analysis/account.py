"""The account of a subject: all that its page and figures show, as plain numbers.

Arrays stay NumPy arrays here; whoever writes them down decides how.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.viewer.analysis.circuit import placed
from elegans.viewer.analysis.cuts import Cut, run_cuts
from elegans.viewer.analysis.decisions import POINTS, Flows, trace
from elegans.viewer.analysis.nodes import NEURON, UNIT, find_nodes
from elegans.viewer.analysis.numerics import layer_costs, memory, vector_rows
from elegans.viewer.analysis.sentences import sentence, strongest_path
from elegans.viewer.analysis.subject import Inspected, provenance
from elegans.viewer.analysis.time_constants import FORMULAS, time_constants

MOST_SYNAPSES = 1500
"""Synapses that are listed and drawn, the strongest ones."""
_MOST_STEPS = 16  # of a decision that are traced back
_MOST_MOMENTS, _MOST_TRACED = 160, 4  # moments, and outputs that are traced one by one
_TRACED_WORK = 4e8  # products of a decision's moments, steps, points and entries
_CUT_WORK = 2e9  # products of all lanes of the cuts
_CURVES = 60  # synapses whose cut is kept as a curve
_TOP_EDGES = 30  # of a decision

Account = dict[str, Any]


def account(subject: Inspected) -> Account:
    """The whole account."""
    traced = _decisions(subject)
    return {
        "model": _model(subject),
        "circuit": circuit_account(subject),
        "activity": activity(subject),
        "decisions": traced,
        "drivers": _drivers(subject, traced),
        "cuts": _cuts(subject),
        "numerics": _numerics(subject),
        "provenance": provenance(subject),
    }


def _model(subject: Inspected) -> Account:
    folder, model = subject.folder, subject.model
    timed = model.dt is not None or subject.network.interface.dt_fixed is not None
    return {
        "name": folder.name,
        "states": len(model.states),
        "weights": model.weight_count,
        "source": subject.source,
        "steps": len(subject.x),
        "of_steps": subject.of_steps,
        "time": np.cumsum(subject.real_dt) - subject.real_dt,
        "time_unit": (subject.network.interface.dt.unit or "") if timed else "steps",
        "inputs": [{"name": c.name, "unit": c.unit} for c in model.inputs],
        "outputs": [{"name": c.name, "unit": c.unit} for c in model.outputs],
        "x": subject.real_x,
        "y": subject.real_y,
        "rest": subject.real_rest,
    }


def circuit_account(subject: Inspected) -> Account:
    """Nodes by layers in the order of their drawing, and the strongest synapses."""
    circuit = subject.circuit
    layer_of = {i: k for k, (_, members) in enumerate(circuit.layers) for i in members}
    kept = sorted(circuit.synapses, key=lambda s: (-s.strength, s.source, s.target))
    readout = {i for i, n in enumerate(circuit.nodes) if n.kind == "output"}
    most = {
        out: max(
            (s.strength for s in circuit.synapses if (s.target in readout) == out), default=1.0
        )
        for out in (False, True)
    }
    kept.sort(key=lambda s: -s.strength / (most[s.target in readout] or 1.0))
    return {
        "nodes": [
            {"name": n.name, "kind": n.kind, "layer": layer_of[i]}
            for i, n in enumerate(circuit.nodes)
        ],
        "layers": [name for name, _ in circuit.layers],
        "rows": placed(circuit),
        "synapses": [
            {
                "source": s.source,
                "target": s.target,
                "weights": dict(s.weights),
                "strength": s.strength / (most[s.target in readout] or 1.0),
                "sign": s.sign,
                "recurrent": s.recurrent,
            }
            for s in kept[:MOST_SYNAPSES]
        ],
        "synapse_count": len(circuit.synapses),
    }


def activity(subject: Inspected) -> Account:
    """Neurons' states after each step, as the device has them, and their time constants."""
    timed = find_nodes(subject.timed)
    found = time_constants(subject.timed, timed, subject.vectors(subject.timed))
    neurons = subject.nodes.of_kind(NEURON)
    same = {node.states: i for i, node in enumerate(timed.nodes) if node.states}
    twin = {i: same[subject.nodes.nodes[i].states] for i in neurons}
    states = [subject.nodes.nodes[i].states[0] for i in neurons]
    with_tau = [i for i in neurons if found.formulas[twin[i]] is not None]
    used = sorted({f for f in found.formulas if f is not None})
    return {
        "neurons": neurons,
        "h": subject.real_h[1:, states],
        "tau_of": with_tau,
        "tau": found.tau[:, [twin[i] for i in with_tau]],
        "formula_of": [found.formulas[twin[i]] for i in with_tau],
        "formulas": {f: FORMULAS[f] for f in used},
    }


def _entries(subject: Inspected) -> int:
    """The products of one step of the float network, about."""
    return sum(
        m.nnz
        for atom in subject.network.atoms.values()
        for form in (getattr(atom, "drive", None), getattr(atom, "rate", None))
        if form is not None
        for m in form.terms.values()
    )


def _decisions(subject: Inspected) -> Account:
    """The traced decisions: of each output, or, where there are many, of the greatest one."""
    outputs, length = len(subject.model.outputs), len(subject.x)
    steps = min(_MOST_STEPS, length)
    each = _entries(subject) * POINTS
    lanes = outputs if outputs <= _MOST_TRACED and each * outputs < _TRACED_WORK / 400 else 1
    each *= lanes
    while steps > 4 and each * steps * 24 > _TRACED_WORK:
        steps //= 2
    count = int(np.clip(_TRACED_WORK / (each * steps), 12, _MOST_MOMENTS))
    count = min(count, length - steps + 1)
    at = np.unique(np.linspace(steps - 1, length - 1, count).round().astype(np.int64))
    back = at[:, None] + np.arange(1 - steps, 1)
    window = subject.real_x[back], subject.real_dt[back], subject.real_h[at - steps + 1]
    greatest = subject.real_y[at].argmax(axis=1)
    chosen = [np.full(len(at), k) for k in range(outputs)] if lanes == outputs else [greatest]
    return {
        "at": at,
        "steps": steps,
        "traces": [_traced(subject, window, which, at) for which in chosen],
        "method": "integrated gradients and conductances",
    }


def _traced(
    subject: Inspected, window: tuple[Reals, Reals, Reals], which: Integers, at: Integers
) -> Account:
    flows = trace(subject.network, subject.nodes, window, subject.real_rest, which)
    values = np.take_along_axis(subject.real_y[at], which[:, None], axis=1)[:, 0]
    tops, paths, texts = [], [], []
    for m in range(len(at)):
        path = strongest_path(subject.nodes, flows, m, int(which[m]))
        tops.append(_top(flows, m))
        paths.append(path)
        texts.append(sentence(subject, flows, m, int(which[m]), int(at[m]), path))
    neurons = [i for i, n in enumerate(subject.nodes.nodes) if n.states]
    return {
        "output": which,
        "value": values,
        "start": flows.start,
        "total": flows.total,
        "left_over": flows.total - flows.inputs.sum(axis=1) - flows.memory.sum(axis=1),
        "inputs": flows.inputs,
        "now": flows.now,
        "memory_of": neurons,
        "memory": flows.memory[:, neurons],
        "gradient": flows.gradient,
        "edges": tops,
        "paths": paths,
        "sentences": texts,
    }


def _top(flows: Flows, moment: int) -> list[tuple[int, int, float]]:
    """The strongest flows between different nodes: (source, target, flow)."""
    flow = np.where(flows.edges[:, 0] == flows.edges[:, 1], 0.0, flows.flow[moment])
    best = np.argsort(-np.abs(flow), kind="stable")[:_TOP_EDGES]
    pairs = flows.edges[best].tolist()
    return [(a, b, float(flow[e])) for (a, b), e in zip(pairs, best, strict=True) if flow[e]]


def _drivers(subject: Inspected, traced: Account) -> Account:
    """What each input does to the outputs now: by gradient, times how far the input spreads, and
    by ablation, which holds it at its mean in all steps, on the integers."""
    cuts = [Cut(i, None, int(rest)) for i, rest in enumerate(subject.rest)]
    y = _real_outputs(
        subject, run_cuts(subject.model, subject.network, subject.nodes, cuts, _run(subject))
    )
    return {
        "at": traced["at"],
        "spread": subject.real_x.std(axis=0),
        "gradient": [t["gradient"] * subject.real_x.std(axis=0) for t in traced["traces"]],
        "ablation": subject.real_y[:, None] - y,
    }


def _run(subject: Inspected) -> tuple[Integers, Integers, Integers]:
    return subject.x, subject.dt, subject.h[0]


def _real_outputs(subject: Inspected, y: Integers) -> Reals:
    result: Reals = np.ldexp(y, -np.array([c.frac for c in subject.model.outputs]))
    return result


def _cuts(subject: Inspected) -> Account:
    """The outputs without each neuron, and without each synapse: as many as the work allows."""
    nodes = subject.circuit.nodes
    inner = [i for i, n in enumerate(nodes) if n.kind in (NEURON, UNIT)]
    synapses = sorted(
        (s for s in subject.circuit.synapses if nodes[s.target].kind in (NEURON, UNIT)),
        key=lambda s: (-s.strength, s.source, s.target),
    )
    most = max(24, int(_CUT_WORK / (max(_entries(subject), 500) * len(subject.x))))
    leaving: dict[int, float] = {}
    for s in subject.circuit.synapses:
        leaving[s.source] = leaving.get(s.source, 0.0) + s.strength
    inner.sort(key=lambda i: (-leaving.get(i, 0.0), i))
    inner = sorted(inner[: max(most * 3 // 4, 18)])
    synapses = synapses[: max(most - len(inner), 6)][:MOST_SYNAPSES]
    cuts = [Cut(i) for i in inner] + [Cut(s.source, s.target) for s in synapses]
    found = run_cuts(subject.model, subject.network, subject.nodes, cuts, _run(subject))
    y = _real_outputs(subject, found)
    change = y - subject.real_y[:, None]
    rms = np.sqrt((change**2).mean(axis=0))  # [B, O]
    worst = np.abs(change).max(axis=0)
    by_effect = np.argsort(-rms[len(inner) :].max(axis=1), kind="stable") + len(inner)
    shown = [*range(len(inner)), *by_effect[:_CURVES].tolist()]
    shown = shown[: max(20, 40_000 // (len(subject.x) * y.shape[2]))]
    order = np.argsort(-rms.max(axis=1), kind="stable")
    kept = {int(b): k for k, b in enumerate(shown)}
    return {
        "rows": [
            {
                "source": cuts[b].source,
                "target": cuts[b].target,
                "rms": rms[b].tolist(),
                "worst": worst[b].tolist(),
                "curve": kept.get(int(b)),
            }
            for b in order.tolist()
        ],
        "curves": y[:, shown],
        "neurons": len(inner),
        "synapses": len(synapses),
    }


def _numerics(subject: Inspected) -> Account:
    folder = subject.folder
    return {
        "vectors": [asdict(row) for row in vector_rows(subject)],
        "layers": [asdict(row) for row in layer_costs(subject.model)],
        "memory": asdict(memory(subject)),
        "errors": [asdict(error) for error in folder.errors],
        "state_bits": subject.model.state_bits,
    }
