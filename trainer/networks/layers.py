"""The layers by name, with the arguments of `ncps.torch`: CfC, LTC, CTRNN, GRU, LSTM.

In code that uses ncps, changing the import is enough; its state dicts load. `SequenceLayer` says
what the arguments of `forward` and those common to all layers mean.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elegans.exporter.errors import ElegansError
from elegans.trainer.cells.cfc import Backbone, CfCCell, WiredCfCCell
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell
from elegans.trainer.cells.ltc import EPSILON, LTCCell, ncps_order
from elegans.trainer.networks.sequence_layer import SequenceLayer
from elegans.trainer.networks.sequences import Sequences
from elegans.trainer.wiring.chosen import chosen_wiring
from elegans.trainer.wiring.unlayered import FullyConnected


class CfC(SequenceLayer):
    """Closed-form continuous-time neurons: a circuit, or a dense layer.

    input_size  I
    units       a number H: a dense layer, all of whose neurons are outputs; or a wiring (`NCP`,
                `AutoNCP`, ..., or one of ncps): a circuit, whose outputs are its motor neurons;
                without layers, as `FullyConnected`, all neurons
    mode        default, no_gate or pure
    activation  of a dense layer's backbone: lecun_tanh, tanh, relu, silu or gelu
    backbone_units, backbone_layers, backbone_dropout
                of a dense layer (default: 128, 1, 0); 0 layers for no backbone

    Loads the state_dict of an `ncps.torch.CfC`. Raises ElegansError for an unknown mode or
    activation, a backbone of a circuit, or a wiring that does not fit.
    """

    def __init__(
        self,
        input_size: int,
        units: Any,
        proj_size: int | None = None,
        return_sequences: bool = True,
        batch_first: bool = True,
        mixed_memory: bool = False,
        mode: str = "default",
        activation: str = "lecun_tanh",
        backbone_units: int | None = None,
        backbone_layers: int | None = None,
        backbone_dropout: float | None = None,
    ) -> None:
        cell: CfCCell | WiredCfCCell
        if isinstance(units, Integral):
            units = _checked("CfC", input_size, units, proj_size)
            backbone = Backbone(
                128 if backbone_units is None else backbone_units,
                1 if backbone_layers is None else backbone_layers,
                activation,
                backbone_dropout or 0.0,
            )
            cell = CfCCell(input_size, units, mode, backbone=backbone)
        else:
            if not backbone_units == backbone_layers == backbone_dropout is None:
                raise ElegansError(
                    "CfC", "a circuit has no backbone", "leave out the arguments backbone_..."
                )
            cell = WiredCfCCell(chosen_wiring(units, input_size, layered=True), mode)
        super().__init__(
            cell,
            proj_size=proj_size,
            return_sequences=return_sequences,
            batch_first=batch_first,
            mixed_memory=mixed_memory,
        )


class LTC(SequenceLayer):
    """Liquid time-constant neurons of any wiring.

    input_size      I
    units           a wiring, as for `CfC`, or a number of neurons: all to all
    input_mapping,  affine, linear or None
    output_mapping
    ode_unfolds     solver steps in each step
    epsilon         added to every sum of conductances
    implicit_param_constraints
                    True: a softplus keeps w, cm and gleak positive; False: call
                    `apply_constraints` after each update

    Loads the state_dict of an `ncps.torch.LTC`, and puts its neurons into the order of the
    wiring here, motor neurons last; the state hx has that order, too. Raises ElegansError for
    less than one unfold, another mapping, or a wiring that does not fit.
    """

    def __init__(
        self,
        input_size: int,
        units: Any,
        return_sequences: bool = True,
        batch_first: bool = True,
        mixed_memory: bool = False,
        input_mapping: str | None = "affine",
        output_mapping: str | None = "affine",
        ode_unfolds: int = 6,
        epsilon: float = EPSILON,
        implicit_param_constraints: bool = True,
        proj_size: int | None = None,
    ) -> None:
        plan = FullyConnected(int(units)) if isinstance(units, Integral) else units
        cell = LTCCell(
            chosen_wiring(plan, input_size),
            unfolds=ode_unfolds,
            softplus=implicit_param_constraints,
            input_mapping=input_mapping,
            output_mapping=output_mapping,
            epsilon=epsilon,
        )
        super().__init__(
            cell,
            proj_size=proj_size,
            return_sequences=return_sequences,
            batch_first=batch_first,
            mixed_memory=mixed_memory,
        )
        hook = _take_memory_of_ncps
        self.register_load_state_dict_pre_hook(hook)  # type: ignore[no-untyped-call]

    def apply_constraints(self) -> None:
        """Clip what an update made negative; nothing with implicit_param_constraints."""
        self.rnn_cell.apply_constraints()


class CTRNN(SequenceLayer):
    """Leaky integrators with fixed time constants, all to all.

    input_size, units  I and H
    solver             exact, semi_implicit or euler
    ode_unfolds        solver steps in each step

    Raises ElegansError for another solver or less than one unfold.
    """

    def __init__(
        self,
        input_size: int,
        units: int,
        proj_size: int | None = None,
        return_sequences: bool = True,
        batch_first: bool = True,
        mixed_memory: bool = False,
        solver: str = "exact",
        ode_unfolds: int = 1,
    ) -> None:
        _checked("CTRNN", input_size, units, proj_size)
        super().__init__(
            CTRNNCell(input_size, units, solver=solver, unfolds=ode_unfolds),
            proj_size=proj_size,
            return_sequences=return_sequences,
            batch_first=batch_first,
            mixed_memory=mixed_memory,
        )


class _TorchLayer(SequenceLayer):
    """torch's own run over whole sequences; it does not read elapsed time.

    input_size, units  I and H
    """

    cell_type: type[GRUCell] | type[LSTMCell]

    def __init__(
        self,
        input_size: int,
        units: int,
        proj_size: int | None = None,
        return_sequences: bool = True,
        batch_first: bool = True,
    ) -> None:
        _checked(type(self).__name__, input_size, units, proj_size)
        super().__init__(
            self.cell_type(input_size, units),
            proj_size=proj_size,
            return_sequences=return_sequences,
            batch_first=batch_first,
        )

    def _run(self, given: Sequences, h0: Tensor) -> tuple[Tensor, Tensor]:
        function: Any = torch.lstm if self.pair else torch.gru
        parts = [h.contiguous()[None] for h in h0.chunk(2, dim=1)]  # as cuDNN takes them
        start: Any = tuple(parts) if self.pair else h0[None]
        cell = self.rnn_cell.cell
        weights = [cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh]
        options = (weights, True, 1, 0.0, self.training, False)
        if given.lengths is None:
            outputs, *last = function(given.x, start, *options, True)
            return outputs, torch.cat([h[0] for h in last], dim=1)
        # torch packs no empty sequences: they get one step, and their first state behind it.
        steps = given.lengths.clamp(min=1).cpu()
        packed = pack_padded_sequence(given.x, steps, True, False)
        order = packed.sorted_indices
        start = tuple(h[:, order] for h in start) if self.pair else start[:, order]
        data, *last = function(packed.data, packed.batch_sizes, start, *options)
        outputs, _ = pad_packed_sequence(packed._replace(data=data), True, 0.0, given.x.shape[1])
        behind = torch.cat([h[0] for h in last], dim=1)[packed.unsorted_indices]
        return outputs, torch.where(given.lengths.unsqueeze(1) > 0, behind, h0)


class GRU(_TorchLayer):
    """A gated recurrent unit (Cho et al. 2014), for comparison. It does not read elapsed time."""

    cell_type = GRUCell


class LSTM(_TorchLayer):
    """A long short-term memory (Hochreiter and Schmidhuber 1997), for comparison.

    Its state is (h, c). It does not read elapsed time.
    """

    cell_type = LSTMCell
    pair = True


def _checked(layer: str, input_size: int, units: Any, proj_size: int | None) -> int:
    """The number of units. Raises ElegansError for a size below 1."""
    for name, size in (("input_size", input_size), ("units", units), ("proj_size", proj_size)):
        if size is not None and size < 1:
            raise ElegansError(layer, f"{name} is {size}", "give at least 1")
    return int(units)


def _take_memory_of_ncps(
    layer: LTC, state: dict[str, Tensor], prefix: str, *_: object, **__: object
) -> None:
    """Before a state dict of ncps is loaded: the mixed memory's units get the neurons' order."""
    if f"{prefix}rnn_cell.sparsity_mask" not in state:
        return
    order = torch.tensor(ncps_order(layer.rnn_cell.wiring))
    for name in [name for name in state if name.startswith(f"{prefix}lstm.")]:
        size = len(order)
        value = state[name].view(4, size, *state[name].shape[1:])[:, order].flatten(0, 1)
        state[name] = value[:, order] if name.endswith("recurrent_map.weight") else value
