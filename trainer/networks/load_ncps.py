"""Weights of ncps from a file: into a module, or into the layer that their shapes describe.

A state dict of ncps says almost everything: the synapses are in its masks, all sizes in its shapes.
What it does not say are the options of `load_ncps`, with ncps' own defaults.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.storage.file_types import recognised
from elegans.exporter.storage.read_files import FileKind, read_input
from elegans.trainer.networks.layers import LTC, CfC
from elegans.trainer.wiring.ncp import Wiring

Weights = dict[str, Tensor]

_FILE = FileKind("a state dict", 1 << 28)
_MOST = 1 << 25  # numbers of all tensors, which may share their memory in the file
_NESTED = ("state_dict", "model_state_dict", "model", "net", "weights")
_LAYERS = ("inter", "command", "motor")
_MAKE = "make the module that they belong to, and give it: load_ncps(path, net)"


def load_ncps(path: str | Path, net: nn.Module | None = None, **options: Any) -> nn.Module:
    """A module with the weights of ncps in a file (.pt, .pth or .safetensors).

    path     a state dict, as `torch.save(net.state_dict(), path)` or safetensors write it, or a
             checkpoint that has it under `state_dict` or the like. Nothing is unpickled but tensors
    net      the module that the weights belong to, of ncps or elegans, or your own around it. None
             makes a `CfC` or an `LTC` of elegans as the shapes of the weights say
    options  of the layer that is made, where ncps' defaults were changed: mode ("no_gate") and
             activation of a CfC; ode_unfolds, epsilon and implicit_param_constraints of an LTC

    The elegans.trainer.export_onnx then takes it. Raises ElegansError for a file without such
    weights, or weights that do not fit the module.
    """
    path = Path(path)
    weights = _weights(path)
    if net is None:
        weights, net = _made(path, weights, options)
    elif options:
        raise ElegansError(
            "load_ncps", f"{next(iter(options))} is given beside net", "leave it out"
        )
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        lines = str(error).strip().splitlines()
        reason = " ".join(lines[1:2] or lines).strip()
        raise ElegansError(path, f"does not fit the module ({reason:.160})", _MAKE) from None
    return net.eval()


def _weights(path: Path) -> Weights:
    """The tensors of a file by name."""
    content = read_input(path, _FILE, "give the path of a state dict")
    kind = recognised(content)
    try:
        if kind is not None and "safetensors" in kind.fact:
            from safetensors.torch import load

            found: Any = load(content)
        elif kind is not None and "PyTorch checkpoint" in kind.fact:
            found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        else:
            what = f"is {kind.fact}" if kind is not None else "is no state dict"
            remedy = "save the weights with torch.save(net.state_dict(), path)"
            raise ElegansError(path, what, remedy)
    except ElegansError:
        raise
    except ImportError:
        remedy = "pip install safetensors"
        raise ElegansError(path, "is read by safetensors, which is missing", remedy) from None
    except Exception as error:  # torch and safetensors raise many kinds for damaged files
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        fact = f"holds more than tensors, or is damaged ({reason:.100})"
        remedy = (
            "where it was made, save torch.save(net.state_dict(), path): elegans unpickles none"
        )
        raise ElegansError(path, fact, remedy) from None
    return _checked(path, found)


def _checked(path: Path, found: Any) -> Weights:
    for key in _NESTED:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
            break
    if not isinstance(found, dict) or not found:
        raise ElegansError(path, "holds no state dict", "save net.state_dict()")
    odd = next((str(k) for k, v in found.items() if not isinstance(v, Tensor)), None)
    if odd is not None:
        raise ElegansError(path, f"{odd!r:.60} is no tensor", "save net.state_dict()")
    weights = {str(k).removeprefix("_orig_mod."): v.detach() for k, v in found.items()}
    if sum(v.numel() for v in weights.values()) > _MOST:
        raise ElegansError(path, f"has more than {_MOST:,} numbers", "give a smaller network")
    return weights


def _made(path: Path, weights: Weights, options: dict[str, Any]) -> tuple[Weights, nn.Module]:
    """The weights of the only network in a file, and a layer that they fit."""
    before = {name.split("rnn_cell.")[0] for name in weights if "rnn_cell." in name}
    other = [n for n in weights if not n.startswith(tuple(before))]
    if len(before) != 1 or other:
        also = f" and {other[0]!r:.60}" if other else ""
        fact = f"holds the weights of {len(before)} networks of ncps{also}"
        raise ElegansError(path, fact, _MAKE)
    (prefix,) = before
    own = {name.removeprefix(prefix): value for name, value in weights.items()}
    try:
        layer = _ltc(own, options) if "rnn_cell.gleak" in own else _cfc(own, options)
    except (KeyError, IndexError, ValueError, TypeError, RuntimeError) as error:
        raise ElegansError(path, f"is not as ncps writes it ({error!r:.80})", _MAKE) from None
    return own, layer


def _common(weights: Weights) -> dict[str, Any]:
    """The arguments that a projection and mixed memory leave in the weights."""
    projected = weights.get("fc.weight")
    return {
        "proj_size": None if projected is None else len(projected),
        "mixed_memory": any(name.startswith("lstm.") for name in weights),
    }


def _cfc(weights: Weights, options: dict[str, Any]) -> CfC:
    pure = any(name.endswith(".w_tau") for name in weights)
    given = _common(weights) | ({"mode": "pure"} if pure else {}) | options
    if "rnn_cell.layer_0.sparsity_mask" in weights:
        wiring = _wiring_of_masks(weights)
        return CfC(wiring.inputs, wiring, **given)
    units = len(weights["rnn_cell.ff1.weight"])
    layers = sorted(
        int(name.split(".")[2])
        for name in weights
        if name.startswith("rnn_cell.backbone.") and name.endswith(".weight")
    )
    first = weights["rnn_cell.backbone.0.weight"] if layers else weights["rnn_cell.ff1.weight"]
    backbone = {
        "backbone_layers": len(layers),
        "backbone_units": len(first) if layers else None,
        "backbone_dropout": 0.1 if layers[1:2] == [3] else None,  # it has a place, too
    }
    return CfC(int(first.shape[1]) - units, units, **(backbone | given))


def _wiring_of_masks(weights: Weights) -> Wiring:
    """The circuit of a CfC: each mask [neurons, sources and own neurons] is of one layer."""
    masks, number = [], 0
    while (mask := weights.get(f"rnn_cell.layer_{number}.sparsity_mask")) is not None:
        masks.append(mask.numpy().T != 0)
        number += 1
    sizes = [mask.shape[1] for mask in masks]
    inputs, neurons = masks[0].shape[0] - sizes[0], sum(sizes)
    sensory = np.zeros((inputs, neurons), np.int32)
    inner = np.zeros((neurons, neurons), np.int32)
    sensory[:, : sizes[0]] = masks[0][:inputs]
    ends = np.cumsum([0, *sizes]).tolist()
    for i in range(1, number):
        before, own = slice(ends[i - 1], ends[i]), slice(ends[i], ends[i + 1])
        inner[before, own] = masks[i][: sizes[i - 1]]
    names = _LAYERS if number == len(_LAYERS) else [f"layer{i}" for i in range(number)]
    return Wiring.of(sensory, inner, tuple(zip(names, sizes, strict=True)))


def _ltc(weights: Weights, options: dict[str, Any]) -> LTC:
    """ncps numbers motor neurons first, and here they come last."""
    cell = {name.removeprefix("rnn_cell."): value.numpy() for name, value in weights.items()}
    inputs, neurons = cell["sensory_w"].shape
    motors = len(cell["output_w"]) if "output_w" in cell else neurons
    order = [*range(motors, neurons), *range(motors)]
    sensory, inner = (
        np.where(cell[f"{of}erev"] < 0, -1, 1) * (cell[f"{of}sparsity_mask"] != 0)
        for of in ("sensory_", "")
    )
    inter = (("inter", neurons - motors),) if motors < neurons else ()
    layers = (*inter, ("motor", motors))
    wiring = Wiring.of(sensory[:, order], inner[np.ix_(order, order)], layers)
    given: dict[str, Any] = {}
    for side in ("input", "output"):
        linear = "linear" if f"{side}_w" in cell else None
        given[f"{side}_mapping"] = "affine" if f"{side}_b" in cell else linear
    return LTC(inputs, wiring, **(given | _common(weights) | options))
