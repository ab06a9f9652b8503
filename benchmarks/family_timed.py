"""Cells of continuous time that no known cell is: x, h and elapsed time dt -> y, h_next."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from elegans.benchmarks.family_parts import INPUTS, UNITS, Cell, linear


class ContinuousLSTM(Cell):
    """Cells decay to targets of their own: c(t) = target + (c - target) exp(-delta dt).

    h is the cells, their targets, their rates and the output gates of the last event.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gates = linear(INPUTS + UNITS, 7 * UNITS)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        cell, target, delta, opened = h.chunk(4, -1)
        cell = target + (cell - target) * torch.exp(-delta * dt)
        hidden = opened * torch.tanh(cell)
        i, f, z, o, i2, f2, d = self.gates(torch.cat([x, hidden], -1)).chunk(7, -1)
        z = torch.tanh(z)
        cell_next = torch.sigmoid(f) * cell + torch.sigmoid(i) * z
        target_next = torch.sigmoid(f2) * target + torch.sigmoid(i2) * z
        states = [cell_next, target_next, functional.softplus(d), torch.sigmoid(o)]
        return self.out(hidden), torch.cat(states, -1)


class PhasedLSTM(Cell):
    """An LSTM that changes only while an oscillation of each neuron is open.

    h is the outputs, the cells, and how far each oscillation has come, in periods. The leak is for
    training; a network that has been trained is run without.
    """

    def __init__(self, leak: float = 0.0, open_ratio: float = 0.1) -> None:
        super().__init__()
        self.leak, self.open_ratio = leak, open_ratio
        self.gates = linear(INPUTS + UNITS, 4 * UNITS)
        self.period = nn.Parameter(torch.exp(2.0 * torch.rand(UNITS)))
        self.peep = nn.Parameter(0.1 * torch.randn(3, UNITS))

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        hidden, cell, phase = h.chunk(3, -1)
        phase = torch.remainder(phase + dt / self.period, 1.0)
        rise = 2.0 * phase / self.open_ratio
        shut = self.leak * phase
        k = torch.where(phase < self.open_ratio, 2.0 - rise, shut)
        k = torch.where(phase < self.open_ratio / 2, rise, k)
        i, f, o, g = self.gates(torch.cat([x, hidden], -1)).chunk(4, -1)
        i, f = torch.sigmoid(i + self.peep[0] * cell), torch.sigmoid(f + self.peep[1] * cell)
        new = f * cell + i * torch.tanh(g)
        out = torch.sigmoid(o + self.peep[2] * new) * torch.tanh(new)
        cell, hidden = k * new + (1 - k) * cell, k * out + (1 - k) * hidden
        return self.out(hidden), torch.cat([hidden, cell, phase], -1)


class ContinuousGRU(Cell):
    """Traces of several time constants for each neuron; softmaxes say which is read and written."""

    def __init__(self, scales: int = 3) -> None:
        super().__init__()
        self.scales = scales
        self.register_buffer("tau", 0.3 * 10 ** (0.25 * torch.arange(scales)))
        self.read, self.write = (linear(INPUTS + UNITS) for _ in range(2))
        self.new = linear(INPUTS + UNITS)
        for tau in (self.read, self.write):
            nn.init.uniform_(tau.bias, math.log(0.3), math.log(1.0))

    def _share(self, log_tau: Tensor) -> Tensor:
        return torch.softmax(-((log_tau.unsqueeze(-1) - torch.log(self.tau)) ** 2), -1)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        traces = h.view(1, UNITS, self.scales)
        both = torch.cat([x, traces.sum(-1)], -1)
        read = (self._share(self.read(both)) * traces).sum(-1)
        new = torch.tanh(self.new(torch.cat([x, read], -1))).unsqueeze(-1)
        share = self._share(self.write(both))
        kept = torch.exp(-dt.unsqueeze(-1) / self.tau)
        traces = ((1 - share) * traces + share * new) * kept
        return self.out(traces.sum(-1)), traces.reshape(1, -1)


class GapGRUD(Cell):
    """GRU-D that measures the gaps itself: x is values [D] and masks [D].

    h is a GRU's state, the last values seen, and the time since then.
    """

    def __init__(self, values: int = 3) -> None:
        super().__init__()
        self.values = values
        self.mean = nn.Parameter(0.3 * torch.randn(values))
        self.decay_x = nn.Parameter(torch.rand(values))
        self.decay_h = linear(values)
        self.gates = linear(2 * values + UNITS, 2 * UNITS)
        self.candidate = linear(2 * values + UNITS)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        value, mask = x.split(self.values, -1)
        state, last, gap = h.split([UNITS, self.values, self.values], -1)
        gap = gap + dt
        gamma = torch.exp(-torch.relu(self.decay_x * gap))
        filled = mask * value + (1 - mask) * (gamma * last + (1 - gamma) * self.mean)
        state = torch.exp(-torch.relu(self.decay_h(gap))) * state
        z, r = torch.sigmoid(self.gates(torch.cat([filled, state, mask], -1))).chunk(2, -1)
        new = torch.tanh(self.candidate(torch.cat([filled, r * state, mask], -1)))
        state = (1 - z) * state + z * new
        last, gap = mask * value + (1 - mask) * last, (1 - mask) * gap
        return self.out(state), torch.cat([state, last, gap], -1)


class DelayedCTRNN(Cell):
    """A CTRNN whose neurons hear each other three samples late."""

    def __init__(self, delay: int = 3) -> None:
        super().__init__()
        self.w = linear(INPUTS + UNITS)
        self.tau = nn.Parameter(0.3 + torch.rand(UNITS))

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        v, heard = h[:, :UNITS], h[:, -UNITS:]
        new = v + dt / self.tau * (torch.tanh(self.w(torch.cat([x, heard], -1))) - v)
        return self.out(new), torch.cat([new, h[:, :-UNITS]], -1)


class Tustin(Cell):
    """A diagonal linear system by the trapezoidal rule: (1 - k) / (1 + k), k = a dt / 2."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(0.5 + torch.rand(UNITS)), linear(INPUTS)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        k = self.a * dt / 2
        return self.both((1 - k) / (1 + k) * h + dt / (1 + k) * self.b(x))


class WilsonCowan(Cell):
    """Excitatory and inhibitory populations, an Euler step of each."""

    def __init__(self) -> None:
        super().__init__()
        self.e, self.i = linear(INPUTS + 2 * UNITS), linear(2 * UNITS)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        e, i = h.chunk(2, -1)
        more = (1 - e) * torch.sigmoid(self.e(torch.cat([x, h], -1))) - e
        less = 2.0 * ((1 - i) * torch.sigmoid(self.i(h)) - i)
        return self.out(e + dt * more), torch.cat([e + dt * more, i + dt * less], -1)


class Attitude(nn.Module):
    """A complementary filter: a gyroscope, and the angle of gravity where that is known."""

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        rate, ay, az = x.split(1, -1)
        tilt = torch.atan(ay / torch.clamp(az, min=0.2))
        h = 0.98 * (h + rate * dt) + 0.02 * tilt
        return h, h


class VanDerPol(Cell):
    """A driven relaxation oscillator, semi-implicit Euler steps."""

    def __init__(self) -> None:
        super().__init__()
        self.drive = linear(INPUTS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        z, v = h.chunk(2, -1)
        v = v + 0.02 * ((1 - z * z) * v - z + self.drive(x))
        z = z + 0.02 * v
        return self.out(z), torch.cat([z, v], -1)
