"""The state of a training in one safetensors file, written whole; nothing is pickled.

Weights, the optimiser's state and torch's random state are tensors; the epoch, the losses, the
state of NumPy's random numbers and the settings are JSON in the file's metadata.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_file
from elegans.exporter.storage.read_files import FileKind, read_input

_FILE = FileKind("a checkpoint", 1 << 28)
_KEY = "elegans"
_MODEL, _OPTIMIZER, _RANDOM = "model.", "optimizer.", "random.torch"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What one file holds: tensors by name, and a JSON document."""

    tensors: dict[str, Tensor]
    document: dict[str, Any]

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises ElegansError if it cannot be written."""
        text = json.dumps(self.document, sort_keys=True)
        write_file(path, save(dict(sorted(self.tensors.items())), metadata={_KEY: text}))


def read_checkpoint(path: Path) -> Checkpoint:
    """The content of a file. Raises ElegansError if it is missing, damaged or another's."""
    content = read_input(path, _FILE, "leave --resume out to train from the beginning")
    try:
        tensors = load(content)
        # safetensors' layout: the length of a JSON header in 8 bytes, the header, the tensors.
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        document = json.loads(header["__metadata__"][_KEY])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ElegansError(
            path, f"is no checkpoint of elegans ({error!s:.80})", "leave --resume out"
        ) from None
    return Checkpoint(tensors, document)


def checkpoint_of(
    net: nn.Module, optimizer: torch.optim.Optimizer, document: dict[str, Any]
) -> Checkpoint:
    """The present state of a network and its optimiser, and torch's random state."""
    tensors = {_MODEL + name: value for name, value in weights_of(net).items()}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            if isinstance(value, Tensor):
                tensors[f"{_OPTIMIZER}{index}.{name}"] = _plain(value)
    tensors[_RANDOM] = torch.get_rng_state()
    return Checkpoint(tensors, document)


def weights_of(net: nn.Module) -> dict[str, Tensor]:
    """A copy of the weights and buffers, as safetensors takes them: sorted and contiguous."""
    state = net.state_dict()
    return {name: _plain(state[name]) for name in sorted(state)}


def _plain(value: Tensor) -> Tensor:
    return value.clone(memory_format=torch.contiguous_format)


def restore(
    checkpoint: Checkpoint, net: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> None:
    """Give `net` the weights of a checkpoint; and, with `optimizer`, its and torch's state.

    Raises ElegansError for the checkpoint of another network.
    """
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in checkpoint.tensors.items():
        if name.startswith(_OPTIMIZER):
            index, _, key = name.removeprefix(_OPTIMIZER).partition(".")
            state.setdefault(int(index), {})[key] = value
    try:
        net.load_state_dict(
            {
                name.removeprefix(_MODEL): value
                for name, value in checkpoint.tensors.items()
                if name.startswith(_MODEL)
            }
        )
        if optimizer is not None:
            groups = optimizer.state_dict()["param_groups"]  # with the rate of the moment
            optimizer.load_state_dict({"state": state, "param_groups": groups})
            torch.set_rng_state(checkpoint.tensors[_RANDOM])
    except (RuntimeError, KeyError, ValueError) as error:
        fact = f"belongs to another network ({str(error).splitlines()[0]:.80})"
        raise ElegansError("checkpoint", fact, "leave --resume out") from None
