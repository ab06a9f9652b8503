"""Continuous-time recurrent networks (CTRNN): leaky integrators with a fixed time constant.

    tau dh/dt = f - h,   f = tanh(W [x, h] + b)

(Funahashi and Nakamura 1993, equation 1, with tanh applied to the summed input.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.trainer.kernels.sequence import CompiledCell

SOLVERS = ("exact", "semi_implicit", "euler")


class CTRNNCell(nn.Module):
    """One step of `units` leaky integrators, in `unfolds` solver steps of dt / unfolds.

    solver  exact: h = f + (h - f) exp(-dt / tau), which holds f over the step; a weighted
            mean of h and f, so it stays between them for every dt
            semi_implicit: h = (h + dt / tau f) / (1 + dt / tau), as in an LTC
            euler: h = h + dt / tau (f - h); between h and f only up to dt = tau

    Raises ElegansError for another solver or less than one unfold.
    """

    def __init__(
        self, input_size: int, units: int, *, solver: str = "exact", unfolds: int = 1
    ) -> None:
        super().__init__()
        if solver not in SOLVERS or unfolds < 1:
            raise ElegansError(
                "CTRNN cell",
                f"no solver {solver!r} with {unfolds} unfolds",
                f"choose from {', '.join(SOLVERS)}, and at least 1 unfold",
            )
        self.input_size, self.state_size, self.output_size = input_size, units, units
        self.solver, self.unfolds = solver, unfolds
        self.drive = nn.Linear(input_size + units, units)
        self.log_tau = nn.Parameter(torch.linspace(-1.0, 1.0, units))

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """x [B, I], h [B, H], dt [B, 1] in tau's unit -> next h [B, H]."""
        rate = torch.exp(-self.log_tau) / self.unfolds
        for _ in range(self.unfolds):
            f = torch.tanh(self.drive(torch.cat([x, h], dim=1)))
            if self.solver == "exact":
                h = f + (h - f) * torch.exp(-dt * rate)
            elif self.solver == "semi_implicit":
                h = (h + dt * rate * f) / (1.0 + dt * rate)
            else:
                h = h + dt * rate * (f - h)
        return h

    def output(self, h: Tensor) -> Tensor:
        """All neurons: h [B, H] itself."""
        return h

    def compiled(self) -> CompiledCell:
        """The cell for `kernels`; ctrnn.c says in what order sizes and weights come."""
        sizes = [self.input_size, self.state_size, SOLVERS.index(self.solver), self.unfolds]
        rate = torch.exp(-self.log_tau) / self.unfolds
        weights = torch.cat([self.drive.weight.flatten(), self.drive.bias, rate])
        return CompiledCell("ctrnn", torch.tensor(sizes, dtype=torch.int32), weights)
