"""Time constants are what the cells' own equations say, against numerical derivatives."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from elegans.exporter.ir.affine import affine_value, read
from elegans.tests.viewer.subjects import ltc_cell, subject_of
from elegans.viewer.analysis.account import activity
from elegans.viewer.analysis.nodes import NEURON
from elegans.viewer.analysis.time_constants import (
    CELL,
    GATED,
    LTC,
    RATE,
    time_constants,
)

STEP = 1e-6


def _found(cell):
    subject = subject_of(cell)
    vectors = subject.vectors()
    found = time_constants(subject.network, subject.nodes, vectors)
    return subject, vectors, found, subject.nodes.of_kind(NEURON)


def _slope(atom, vectors, role):
    """What the gate gains where one part gains one, its other parts held."""
    window = getattr(atom, role)
    apart = dataclasses.replace(atom, **{role: type(window)("moved", 0, window.size)})
    part = read(window, vectors)
    up, down = (apart.value(vectors | {"moved": part + s}) for s in (STEP, -STEP))
    return (up - down) / (2 * STEP)


def test_of_an_ltc_it_is_how_fast_a_solver_step_forgets():
    subject, vectors, found, neurons = _found("ltc")
    name = subject.network.h_next[0].vector
    atom = subject.network.atoms[name]
    kept = _slope(atom, vectors, "v")  # semi-implicit Euler keeps 1 / (1 + dt / tau)
    dt = vectors["dt"] / ltc_cell().unfolds
    assert {found.formulas[i] for i in neurons} == {LTC}
    assert found.tau[:, neurons] == pytest.approx(dt * kept / (1 - kept), rel=1e-5)


def test_of_an_ltc_it_is_tau_over_one_plus_tau_f():
    subject, vectors, found, neurons = _found("ltc")
    cell = ltc_cell()
    capacity, leak = cell.cm.detach().numpy(), cell.gleak.detach().numpy() + cell.epsilon
    before = vectors[subject.network.atoms[subject.network.h_next[0].vector].v.vector]
    open_now = np.zeros_like(before)
    for prefix, source in (("sensory_", vectors["x"]), ("", before)):
        w, sigma, mu = (getattr(cell, prefix + n).detach().numpy() for n in ("w", "sigma", "mu"))
        mask = getattr(cell, f"{prefix}mask").numpy()
        gates = 1 / (1 + np.exp(-sigma * (source[:, :, None] - mu)))
        open_now += (w * mask * gates).sum(axis=1)
    slowest = capacity / leak
    expected = slowest / (1 + slowest * open_now / capacity)
    assert found.tau[:, neurons] == pytest.approx(expected, rel=1e-4)
    assert np.all(np.ptp(found.tau[:, neurons], axis=0) > 0)  # it breathes with the input


@pytest.mark.parametrize(("cell", "role", "formula"), [("gru", "g", GATED), ("lstm", "cell", CELL)])
def test_of_a_gated_cell_it_is_how_much_of_its_state_a_step_keeps(cell, role, formula):
    subject, vectors, found, neurons = _found(cell)
    gates = [a for a in subject.network.atoms.values() if hasattr(a, role)]
    kept = _slope(gates[0], vectors, role)
    assert {found.formulas[i] for i in neurons} == {formula}
    dt = subject.real_dt[:, None]
    assert found.tau[:, neurons] == pytest.approx(-dt / np.log(kept), rel=1e-5)


def test_of_a_cfc_it_is_one_over_how_fast_time_moves_its_gate():
    subject, vectors, found, neurons = _found("cfc")
    assert {found.formulas[i] for i in neurons} == {RATE}
    for gate, states in (("a2", neurons[:4]), ("a6", neurons[4:])):
        atom = subject.network.atoms[gate]
        later = atom.value(vectors | {"dt": vectors["dt"] + STEP})
        now = vectors[gate]
        inside = (now > 1e-4) & (now < 1 - 1e-4)  # where the gate's argument can be told
        moved = np.log(later / (1 - later)) - np.log(now / (1 - now))
        tau = found.tau[:, states]
        assert tau[inside] == pytest.approx((STEP / np.abs(moved))[inside], rel=1e-3)


def test_a_period_that_the_export_has_fixed_hides_no_time_constant():
    found = activity(subject_of("cfc of a fixed period"))
    assert found["tau_of"] == found["neurons"]
    assert set(found["formula_of"]) == {RATE}
    timed = subject_of("cfc")
    for gate, states in (("a2", np.s_[:, :4]), ("a6", np.s_[:, 4:])):
        fixed = subject_of("cfc of a fixed period")
        atom = timed.network.atoms[gate]
        rate = affine_value(atom.rate, fixed.vectors(fixed.timed))
        assert found["tau"][states] == pytest.approx(1 / np.abs(rate))


def test_a_plain_tanh_cell_has_none():
    _, _, found, neurons = _found("tanh")
    assert {found.formulas[i] for i in neurons} == {None}
    assert np.all(np.isnan(found.tau))
