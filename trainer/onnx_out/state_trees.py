"""States as modules take them: a tensor, or tuples, lists and dictionaries of tensors."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

_STARTS = ("init_hidden", "initial_state", "init_state", "get_initial_state", "zero_state")
_SIZES = ("hidden_size", "state_size", "hidden_dim", "units", "num_units", "n_hidden", "latent_dim")
_MOST_SIZES = 32  # of a state that is looked for
_MOST_LAYERS = 4


def leaves(tree: Any) -> list[Tensor]:
    """The tensors of a state, or of what a module gives, in their order."""
    if isinstance(tree, Tensor):
        return [tree]
    parts = tree.values() if isinstance(tree, dict) else tree
    return [leaf for part in parts for leaf in leaves(part)] if _is_tree(tree) else []


def filled(tree: Any, values: Iterator[Tensor]) -> Any:
    """The same tree with other tensors, which get the shapes of the former ones."""
    if isinstance(tree, Tensor):
        return next(values).reshape(tree.shape)
    if isinstance(tree, dict):
        return {key: filled(part, values) for key, part in tree.items()}
    parts = [filled(part, values) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)


def example(given: Any) -> Any:
    """A state that a user describes: a number of states n stands for zeros [1, n]."""
    if isinstance(given, int):
        return torch.zeros(1, given)
    if isinstance(given, Tensor):
        return torch.zeros(given.shape)
    if isinstance(given, dict):
        return {key: example(part) for key, part in given.items()}
    parts = [example(part) for part in given]
    return type(given)(*parts) if hasattr(given, "_fields") else type(given)(parts)


def candidates(module: nn.Module, count: int) -> Iterator[tuple[Any, ...]]:
    """What the `count` states of a module may be: what it starts with by itself, else zeros of the
    sizes that its weights have, as vectors, layers of vectors, and pairs of vectors."""
    if count == 1:
        yield from ((start,) for start in _starts(module))
        cells = [part for part in module.modules() if isinstance(part, nn.RNNCellBase)]
        states = tuple(_of_cell(cell) for cell in cells)
        yield from ((states,), (list(states),)) if len(states) > 1 else ()
    sizes = _sizes(module)
    for size in sizes:
        yield (torch.zeros(1, size),) * count
    for layers, size in itertools.product(range(1, _MOST_LAYERS + 1), sizes):
        yield (torch.zeros(layers, 1, size),) * count
    for size in sizes:
        yield ((torch.zeros(1, size), torch.zeros(1, size)),) * count
    for layers, size in itertools.product(range(1, _MOST_LAYERS + 1), sizes):
        yield ((torch.zeros(layers, 1, size), torch.zeros(layers, 1, size)),) * count
    if count == 2:
        for pair in itertools.permutations(sizes[: _MOST_SIZES // 4], 2):
            yield tuple(torch.zeros(1, size) for size in pair)


def _of_cell(cell: nn.RNNCellBase) -> Any:
    h = torch.zeros(1, cell.hidden_size)
    return (h, h) if isinstance(cell, nn.LSTMCell) else h


def _starts(module: nn.Module) -> Iterator[Any]:
    """What the module's own method gives for a batch of one."""
    for name in _STARTS:
        method: Any = getattr(module, name, None)
        for arguments in ((1,), ()) if callable(method) else ():
            with contextlib.suppress(Exception):  # whatever a module of the user raises
                start = method(*arguments)
                if leaves(start):
                    yield filled(start, (torch.zeros(leaf.shape) for leaf in leaves(start)))
                    break


def _sizes(module: nn.Module) -> list[int]:
    """Sizes that a vector of the state may have, the most likely ones first."""
    named = [getattr(part, name, None) for part in module.modules() for name in _SIZES]
    dims = [size for value in module.state_dict().values() for size in value.shape]
    wide = [leaf for leaf in named if isinstance(leaf, int) and not isinstance(leaf, bool)]
    return list(dict.fromkeys(size for size in (*wide, *dims) if size > 0))[:_MOST_SIZES]


def _is_tree(tree: Any) -> bool:
    return isinstance(tree, (tuple, list, dict))
