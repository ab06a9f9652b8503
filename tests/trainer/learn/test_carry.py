"""Windows that begin in the state behind the one before: truncated backpropagation."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from elegans.trainer.data.arrays import from_arrays
from elegans.trainer.data.augment import Augmentation
from elegans.trainer.data.normalise import learn_normalisation
from elegans.trainer.data.windows import WindowPlan
from elegans.trainer.learn.build_network import PhysicalNetwork, build_network
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.learn.trainer import Trainer
from elegans.trainer.learn.training_loop import Carrying


def _fading(recordings, steps=96):
    """A pulse of any height, which the target remembers for longer than any window here."""
    random, x, y, t = np.random.default_rng(0), [], [], []
    for _ in range(recordings):
        x.append(np.zeros((steps, 1)))
        x[-1][:3] = random.uniform(-1, 1)
        t.append(np.cumsum(random.uniform(0.5, 1.5, steps)))
        y.append(x[-1][0, 0] * np.exp(-t[-1] / 60))
    return x, y, t


@pytest.mark.parametrize("cell", ["cfc", "ltc", "lstm", "mlp"])
def test_the_outputs_of_windows_are_those_of_whole_recordings(cell):
    x, y, t = _fading(5, 50)
    x, y, t = ([part[: 50 - 7 * k] for k, part in enumerate(parts)] for parts in (x, y, t))
    data = from_arrays(x, y, t, kind="regression")
    units = learn_normalisation(data, data.series, Augmentation())
    torch.manual_seed(3)
    built, wiring = build_network(TrainSettings(cell=cell, neurons=6), 1, 1)
    net = PhysicalNetwork(built, units, wiring)
    plan, random = WindowPlan(8, 1, 1, carry=True), np.random.default_rng(1)
    carrying, said, seen = Carrying(net), [], []
    with torch.no_grad():
        for batch in plan.epoch(data.series, units, Augmentation(), random):
            found = carrying.of(batch).scores(torch.from_numpy(batch.x), torch.from_numpy(batch.dt))
            said.append(found.numpy()[batch.counts])
            seen.append(batch.y[batch.counts])
        whole = {}
        for one in data.series:
            given = units.inputs(one.t, one.x), units.elapsed(one.t)
            run = net.scores(*(torch.from_numpy(part[None]) for part in given)).numpy()[0]
            whole |= dict(zip(one.y.astype(np.float32)[:, 0].tolist(), run, strict=True))
    wanted = [whole[value] for value in np.concatenate(seen)[:, 0].tolist()]
    assert np.allclose(np.concatenate(said), wanted, atol=1e-5)


def test_it_learns_what_is_longer_ago_than_a_window():
    errors = []
    for carry in (False, True):
        trainer = Trainer(cell="gru", neurons=6, epochs=10, window=6, batch=8, lr=0.03, carry=carry)
        trainer.fit(*_fading(20), kind="regression")
        errors.append(trainer.evaluate()["rmse"])
    assert errors[1] < 0.7 * errors[0]
