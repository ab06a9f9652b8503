"""The networks of the playground: made by hand or trained, exported, compiled, and measured.

A neuron of the first chapters has the weights that its chapter explains. The circuits are trained
for up to a minute to remove the noise from a wave that is sampled at irregular times.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elegans.boards.descriptors.descriptor import find_board
from elegans.boards.firmware.build import build_firmware
from elegans.boards.profiling.profile import profile
from elegans.exporter.export import Request, export
from elegans.trainer import CTRNN, LTC, AutoNCP, CfC, Wiring, export_onnx
from elegans.viewer.wasm.compile_wasm import network_data

SPARSITY = (0.1, 0.3, 0.5, 0.7, 0.9)
UNFOLDS = (1, 3, 12)
_SEED, _UNITS, _UPDATES, _STEPS = 302, 19, 1500, 64
_FEW = 50  # updates of a network of which only the cost is shown
_BOARD, _MEASURED = "mps2-an386", 256
_REACH, _DT = 2.0, (0.02, 0.1)  # of the circuits: the largest input; seconds between two samples

Options = dict[str, Any]


def leaky() -> tuple[torch.nn.Module, Options]:
    """One leaky integrator with tau = 1 s and the drive tanh(x). It takes a wide range of
    elapsed times, so that the page can let its time run faster or slower."""
    net = CTRNN(1, 1)
    cell = net.rnn_cell
    _set(cell.drive.weight, [[1.0, 0.0]])
    _set(cell.drive.bias, [0.0])
    _set(cell.log_tau, [0.0])
    return net, {"input_ranges": (-3.0, 3.0), "dt_range": (0.0005, 1.0)}


def liquid() -> tuple[torch.nn.Module, Options]:
    """One LTC neuron with one synapse: tau is 1 s while it is closed and 0.1 s while it is open."""
    net = LTC(1, Wiring.of([[1]], [[0]]), input_mapping=None, output_mapping=None, **_EXPLICIT)
    cell = net.rnn_cell
    _set(cell.cm, [1.0])
    _set(cell.gleak, [1.0])
    _set(cell.vleak, [0.0])
    _set(cell.sensory_w, [[9.0]])
    _set(cell.sensory_sigma, [[4.0]])
    _set(cell.sensory_mu, [[1.0]])
    return net, {"input_ranges": (-1.0, 3.0), "dt_range": (0.001, 0.2)}


def bounded() -> tuple[torch.nn.Module, Options]:
    """Three LTC neurons that excite and inhibit each other, with inputs from -100 to 100."""
    wiring = Wiring.of([[1, -1, 1], [-1, 1, 0]], [[0, 1, 1], [-1, 0, 1], [-1, -1, 0]])
    net = LTC(2, wiring, input_mapping=None, output_mapping=None, **_EXPLICIT)
    cell = net.rnn_cell
    _set(cell.vleak, [0.1, -0.1, 0.0])
    _set(cell.cm, [0.4, 0.8, 0.2])
    _set(cell.sensory_sigma, np.full((2, 3), 0.5))
    _set(cell.sensory_mu, np.zeros((2, 3)))
    _set(cell.sensory_w, np.full((2, 3), 2.0))
    return net, {"input_ranges": (-100.0, 100.0), "dt_range": (0.001, 2.0)}


_EXPLICIT: Options = {"implicit_param_constraints": False, "epsilon": 0.0}


def closed_form(sparsity: float = 0.5, updates: int = _UPDATES) -> tuple[torch.nn.Module, Options]:
    """A trained circuit of 19 CfC neurons."""
    return _trained(lambda: CfC(1, AutoNCP(_UNITS, 1, sparsity_level=sparsity)), updates)


def solved(
    sparsity: float = 0.5, unfolds: int = 6, updates: int = _UPDATES
) -> tuple[torch.nn.Module, Options]:
    """A trained circuit of 19 LTC neurons, from nearly dense (0.1) to very sparse (0.9)."""
    wiring = AutoNCP(_UNITS, 1, sparsity_level=sparsity)
    return _trained(lambda: LTC(1, wiring, ode_unfolds=unfolds), updates)


Make = Callable[[], tuple[torch.nn.Module, Options]]

NETWORKS: dict[str, Make] = {
    "leaky": leaky,
    "liquid": liquid,
    "bounded": bounded,
    "cfc": closed_form,
    **{f"ltc_{round(100 * s)}": partial(solved, s) for s in SPARSITY},
}
"""What makes each network of the page; the name is that of its ONNX file."""

MEASURED_ONLY: dict[str, Make] = {
    **{f"cfc_{round(100 * s)}": partial(closed_form, s, _FEW) for s in (SPARSITY[0], SPARSITY[-1])},
    **{f"unfolds_{n}": partial(solved, unfolds=n, updates=_FEW) for n in UNFOLDS},
}
"""Networks of which the page shows the cost alone."""


def noisy_waves(
    count: int, steps: int, noise: float | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Samples [N, T], the seconds before each [N, T], and the waves without noise [N, T].

    noise  standard deviation; None draws one from 0 to 0.8 for each wave
    """
    dt = torch.empty(count, steps).uniform_(*_DT)
    clean = torch.sin(2 * dt.cumsum(dim=1) + 2 * torch.pi * torch.rand(count, 1))
    level = 0.8 * torch.rand(count, 1) if noise is None else noise
    seen = (clean + level * torch.randn(count, steps)).clamp(-_REACH, _REACH)
    return seen, dt, clean


def make_model(name: str, folder: Path) -> dict[str, Any]:
    """Write `NAME.onnx` into a folder; returns what the page has to know of its weights."""
    torch.manual_seed(_SEED)
    net, options = (NETWORKS | MEASURED_ONLY)[name]()
    export_onnx(net, net.input_size, folder / f"{name}.onnx", **options)
    return _weights(name, net)


def make_build(model: Path, build: Path) -> dict[str, Any]:
    """Export a model to a BUILD; returns its module and formats, as `network.js` takes them."""
    export(Request(model), build)
    return network_data(build)


def measure(build: Path) -> dict[str, Any]:
    """Instructions of a step, the least and the most of 256, and bytes of flash, on an M4."""
    firmware = build_firmware(build, find_board(_BOARD), "zig", "2")
    found = profile(build, firmware, _MEASURED)
    return {
        "instructions": list(found.instructions),
        "steps": found.steps,
        "flash": firmware.flash_bytes,
        "compiler": f"{firmware.compiler} -O{firmware.level}",
        "board": _BOARD,
    }


def _trained(make: Callable[[], torch.nn.Module], updates: int) -> tuple[torch.nn.Module, Options]:
    net = make()
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
    for _ in range(updates):
        seen, dt, clean = noisy_waves(32, _STEPS)
        output, _ = net(seen[..., None], timespans=dt)
        loss = (output[:, 8:, 0] - clean[:, 8:]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return net, {"input_ranges": (-_REACH, _REACH), "dt_range": _DT}


def _weights(name: str, net: Any) -> dict[str, Any]:
    """Of LTC neurons their hulls and the time constants at rest; of circuits their synapses."""
    cell = net.rnn_cell
    known: dict[str, Any] = {}
    if name in ("liquid", "bounded"):
        reversal = [
            *(np.where(m > 0, e, np.nan) for m, e in _pairs(cell)),
            _array(cell.vleak)[None],
        ]
        every = np.concatenate(reversal)
        known["hull"] = np.stack([np.nanmin(every, 0), np.nanmax(every, 0)], 1).tolist()
        known["rest_tau"] = (_array(cell.cm) / _array(cell.gleak)).tolist()
    if name == "liquid":
        synapse = {k: float(getattr(cell, f"sensory_{k}").detach()) for k in ("w", "sigma", "mu")}
        known["synapse"] = synapse
    if name in NETWORKS and name.startswith(("cfc", "ltc")):
        known |= _drawn(cell, _wiring(name))
    return known


def _pairs(cell: Any) -> list[tuple[Any, Any]]:
    return [
        (_array(cell.sensory_mask), _array(cell.sensory_erev)),
        (_array(cell.mask), _array(cell.erev)),
    ]


def _wiring(name: str) -> Wiring:
    sparsity = int(name.removeprefix("ltc_")) / 100 if name.startswith("ltc") else 0.5
    return AutoNCP(_UNITS, 1, sparsity_level=sparsity).build(1)


def _drawn(cell: Any, wiring: Wiring) -> dict[str, Any]:
    """The layers of a circuit, and each synapse as [source, target, sign, strength]: between
    layers, and those between command neurons that the wiring has.

    Input 0 is source -1. The sign is 0 where the maps of a CfC neuron differ in it; the strength
    is the largest weight, as a fraction of the largest of its layer.
    """
    found = []
    for layer, matrices in enumerate(cell.drawn_layers()):  # each [maps, from + own, own]
        own = wiring.spans[layer]
        before = wiring.spans[layer - 1] if layer else slice(-1, 0)
        polarity = np.concatenate([wiring.feed_forward(layer), wiring.adjacency[own, own]])
        strength = np.abs(matrices).max(axis=0)
        sources = [*range(before.start, before.stop), *range(own.start, own.stop)]
        for row, column in np.argwhere((polarity != 0) & (strength > 0)).tolist():
            signs = {int(s) for s in np.sign(matrices[:, row, column]) if s}
            sign = signs.pop() if len(signs) == 1 else 0
            size = round(float(strength[row, column] / strength.max()), 4)
            found.append([sources[row], own.start + column, sign, size])
    return {"layers": [[name, size] for name, size in wiring.layers], "synapses": found}


def _array(value: Tensor) -> Any:
    return value.detach().double().numpy()


def _set(parameter: Tensor, value: Any) -> None:
    with torch.no_grad():
        parameter.copy_(torch.as_tensor(value, dtype=parameter.dtype))
