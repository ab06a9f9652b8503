"""What a trial chooses, and which trials are not worth their time."""

from __future__ import annotations

import random

import pytest

from elegans.exporter.cost.estimate import Cost
from elegans.exporter.errors import WrongUseError
from elegans.trainer.learn.build_network import build_network
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.search.hopeless import CostLimit, Peer, far_behind
from elegans.trainer.search.space import Space, settings_of, space_for


class Drawing:
    """Chooses at random, as an Optuna trial does."""

    def __init__(self, seed: int) -> None:
        self.random, self.chosen = random.Random(seed), {}

    def suggest_categorical(self, name, choices):
        return self.chosen.setdefault(name, self.random.choice(list(choices)))

    def suggest_int(self, name, low, high, *, log):
        return self.chosen.setdefault(name, self.random.randint(low, high))

    def suggest_float(self, name, low, high, *, log):
        return self.chosen.setdefault(name, self.random.uniform(low, high))


@pytest.mark.parametrize("outputs", [1, 5])
def test_every_choice_can_be_built(outputs):
    space = space_for(outputs, ("noise", "dropout"))
    cells = set()
    for seed in range(40):
        trial = Drawing(seed)
        space.drawn(trial)
        assert space.complete(trial.chosen)
        settings = settings_of(trial.chosen, TrainSettings(epochs=7))
        assert settings.epochs == 7
        net, wiring = build_network(settings, 3, outputs)
        assert (net.proj_size or net.output_size) == outputs
        assert (wiring is None) == (not trial.chosen.get("wiring", "").startswith("ncp"))
        cells.add(settings.cell)
    assert cells == set(space.cells)


def test_a_trial_that_was_cut_short_is_known_by_what_it_lacks():
    space, trial = Space(), Drawing(1)
    trial.chosen["cell"] = "cfc"
    space.drawn(trial)
    for name in trial.chosen:
        rest = {key: value for key, value in trial.chosen.items() if key != name}
        assert not space.complete(rest)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"cells": ["cfc", "rnn"]}, "'rnn' is none"),
        ({"weights": ["int4"]}, "'int4' is none"),
        ({"neurons": (9, 4)}, "9:4"),
        ({"neurons": (0, 4)}, "0:4"),
        ({"neurons": (4, 20)}, "4 are too few for a circuit with 2 outputs"),
    ],
)
def test_choices_that_do_not_exist_are_refused(wrong, text):
    with pytest.raises(WrongUseError, match=text):
        space_for(2, (), **wrong)


def test_small_networks_are_swept_without_circuits():
    assert space_for(2, (), cells=["gru", "mlp"], neurons=(2, 8)).neurons == (2, 8)


def test_a_budget_names_what_is_beyond_it():
    budget = CostLimit(instructions=2000, flash=5000)
    assert budget.excess(Cost(2000, 5000), "m4") is None
    assert budget.excess(Cost(2001, 9000), "m4") == "2,001 instructions on m4, 2,000 are allowed"
    assert "5,001 flash" in str(budget.excess(Cost(1, 5001), "m0"))
    assert CostLimit().excess(Cost(10**9, 10**9), "m4") is None


_GOOD = [Peer(Cost(1000, 3000), tuple(0.5 - 0.01 * k for k in range(12)))] * 4


def test_a_training_far_behind_cheaper_ones_is_hopeless_after_a_third_of_its_epochs():
    losses = [0.9, 0.8, 0.7, 0.65]
    assert far_behind(losses, Cost(1000, 3000), _GOOD, 12)
    assert not far_behind(losses[:3], Cost(1000, 3000), _GOOD, 12)
    assert not far_behind([0.9, 0.8, 0.7, 0.55], Cost(1000, 3000), _GOOD, 12)


@pytest.mark.parametrize("cost", [Cost(999, 9000), Cost(9000, 2999)])
def test_a_training_that_is_cheaper_in_anything_is_never_hopeless(cost):
    assert not far_behind([9.0] * 12, cost, _GOOD, 12)


def test_three_others_are_no_majority():
    assert not far_behind([9.0] * 12, Cost(9000, 9000), _GOOD[:3], 12)


def test_others_are_compared_at_the_same_epoch_and_by_their_best_so_far():
    late = [Peer(Cost(1, 1), (5.0, 5.0, 5.0, 0.1))] * 4
    assert not far_behind([5.0] * 3, Cost(2, 2), late, 4)
    assert far_behind([5.0] * 4, Cost(2, 2), late, 4)
    early = [Peer(Cost(1, 1), (0.1, 9.0))] * 4  # ended early: its best loss stays
    assert far_behind([5.0] * 4, Cost(2, 2), early, 4)
