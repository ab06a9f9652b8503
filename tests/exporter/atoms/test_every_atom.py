"""Every activation and every gate defines all that an atom must, and is found by its file."""

from __future__ import annotations

import pkgutil

import numpy as np
import pytest

from elegans.exporter.atoms import activations as activation_files
from elegans.exporter.atoms import gates as gate_files
from elegans.exporter.atoms.activations import activations
from elegans.exporter.atoms.activations.absolute import AbsoluteActivation
from elegans.exporter.atoms.activations.relu import ReluActivation
from elegans.exporter.atoms.gates import gates
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import DT
from elegans.exporter.ir.fixed_model import Window

_SHARED = {
    "in_32_bits",
    "tabled",
    "rectified",
    "fixed_formats",
    "held_state",
    "weighted_mean",
}  # what several share


def test_each_file_of_the_folders_is_one_activation_or_one_gate():
    for package, kinds in ((activation_files, activations()), (gate_files, gates())):
        files = {info.name for info in pkgutil.iter_modules(package.__path__)} - _SHARED
        assert len(kinds) == len(files), package.__name__
        assert {kind.__module__.rsplit(".", 1)[1] for kind in kinds} == files


@pytest.mark.parametrize("kind", [*activations(), *gates()], ids=lambda kind: kind.__name__)
def test_each_atom_can_be_made_and_has_a_reason_for_its_bounds(kind):
    assert not kind.__abstractmethods__
    assert kind.reason


@pytest.mark.parametrize("kind", activations(), ids=lambda kind: kind.__name__)
def test_an_activation_s_span_holds_every_value_that_it_computes(kind):
    """Over an argument of [-0.5, 1]; a decay and an Euler share take what is never negative."""
    lo = 0.0 if kind.__name__ in ("DecayActivation", "EulerShareActivation") else -0.5
    x = Window("x", 0, 1)
    form = Affine.of(x)
    atom = kind(Affine.constant(np.zeros(1)), form) if "Decay" in kind.__name__ else kind(form)
    least, most = atom.span("a", {}, {"x": (np.array([lo]), np.array([1.0]))})
    values = np.linspace(lo, 1.0, 101)[:, None]
    found = atom.value({"x": values, "h": values, DT.vector: values})
    assert found.min() >= least - 1e-12
    assert found.max() <= most + 1e-12
    assert not kind.in_unit_interval or (least >= 0 and most <= 1)


@pytest.mark.parametrize("ends", [(-0.5, 1.0), (0.25, 1.0), (-1.0, -0.25), (-1.0, 0.5), (0, 0)])
@pytest.mark.parametrize("kind", [ReluActivation, AbsoluteActivation])
def test_the_span_of_a_rectified_value_is_no_wider_than_its_values(kind, ends):
    spans = {"x": (np.array([ends[0]]), np.array([ends[1]]))}
    least, most = kind(Affine.of(Window("x", 0, 1))).span("a", {}, spans)
    values = kind.function(np.linspace(*ends, 121))
    assert (least.tolist(), most.tolist()) == ([values.min()], [values.max()])


@pytest.mark.parametrize("kind", gates(), ids=lambda kind: kind.__name__)
def test_a_gate_s_parts_are_its_windows_and_can_be_exchanged(kind):
    windows = tuple(Window(role, 0, 2) for role in kind.roles())
    values = {"capacity": (1.0, 1.0), "timed": False, "matrix": ((1.0, 0.0), (0.0, 1.0))}
    more = {k: v for k, v in values.items() if k in kind.__dataclass_fields__}
    gate = kind(*windows, **more)
    assert gate.parts == windows
    assert gate.vectors() == set(kind.roles())
    others = tuple(Window(f"other_{role}", 1, 3) for role in kind.roles())
    assert gate.with_parts(others).parts == others
