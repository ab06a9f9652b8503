"""The simulated car: good controllers stay in the lane, bad ones leave it, seeds repeat."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from elegans.exporter.errors import ElegansError
from elegans.trainer.onnx_out.signals import limits
from elegans.trainer.tasks.lane.car import MAX_STEERING
from elegans.trainer.tasks.lane.closed_loop import HALF_WIDTH, Drive, drive, drive_all, drive_expert
from elegans.trainer.tasks.lane.journey import DT_RANGE, LOOK_AHEAD, SENSORS, Samples, draw_journey


def by_sensors(x: Samples, _dt: float) -> float:
    """A controller that only has the sensors: feed-forward and proportional."""
    return float(2.7 * x[3] - 0.3 * x[1] - 0.05 * x[0])


def same(one: Drive, other: Drive) -> bool:
    return np.array_equal(one.x, other.x) and np.array_equal(one.position, other.position)


@pytest.mark.parametrize("fog", [0.0, 0.7, 1.0])
def test_the_expert_keeps_to_the_middle_in_any_weather(fog: float) -> None:
    for seed in range(4):
        one = drive_expert(40.0, seed, fog=fog, noise=2.0)
        assert one.held
        assert one.worst < 0.1


def test_a_driver_who_never_steers_leaves_the_lane() -> None:
    one = drive(lambda _x, _dt: 0.0, 30.0, seed=1)
    assert not one.held
    assert one.worst > HALF_WIDTH


def test_steering_left_takes_the_car_to_the_left() -> None:
    quiet = {"fog": 0.0, "noise": 0.0}
    left = drive(lambda _x, _dt: 0.02, 2.0, seed=4, **quiet)
    right = drive(lambda _x, _dt: -0.02, 2.0, seed=4, **quiet)
    assert left.lateral_error[-1] > 0.2 > -0.2 > right.lateral_error[-1]
    assert left.position[-1, 1] > right.position[-1, 1]


def test_a_seed_determines_the_drive() -> None:
    assert same(drive(by_sensors, 10.0, seed=7), drive(by_sensors, 10.0, seed=7))
    assert not same(drive(by_sensors, 10.0, seed=7), drive(by_sensors, 10.0, seed=8))


def test_cars_side_by_side_drive_as_they_would_alone() -> None:
    journeys = [draw_journey(12.0, seed) for seed in range(3)]
    together = drive_all(journeys, lambda _x, _dt, expert: expert)
    for journey, one in zip(journeys, together, strict=True):
        alone = drive_all([journey], lambda _x, _dt, expert: expert)[0]
        np.testing.assert_allclose(one.position, alone.position[: len(one.t)], rtol=0, atol=1e-9)


def test_sensors_and_elapsed_times_stay_inside_their_declared_ranges() -> None:
    one = drive(lambda _x, _dt: 9.0, 30.0, seed=2, noise=20.0)
    x = one.x.astype(np.float64)
    low, high = limits(SENSORS)
    assert ((low <= x) & (x <= high)).all()
    dt = one.dt.astype(np.float64)
    assert DT_RANGE[0] <= dt.min() < dt.max() <= DT_RANGE[1]
    assert dt.std() > 0.01, "sampling is meant to be irregular"
    assert np.abs(one.steering).max() <= MAX_STEERING


def test_curvature_beyond_the_fog_reads_zero() -> None:
    one = drive_expert(60.0, 3, fog=1.0, noise=1.0)
    for index, distance in enumerate(LOOK_AHEAD, start=3):
        hidden = one.journey.sight[: len(one.t)] < distance
        assert not one.x[hidden, index].any()
        assert one.x[~hidden, index].all()
    assert (one.journey.sight < LOOK_AHEAD[1]).any()
    assert (one.journey.sight > LOOK_AHEAD[-1]).any()


def test_without_noise_and_fog_the_sensors_give_the_true_errors() -> None:
    one = drive_expert(20.0, 5, fog=0.0, noise=0.0)
    np.testing.assert_allclose(one.x[:, 0], one.lateral_error, atol=1e-6)


def test_the_position_lies_as_far_from_the_road_as_the_lateral_error_says() -> None:
    one = drive(by_sensors, 20.0, seed=6, noise=3.0)
    fine = [np.linspace(a, b, 50) for a, b in zip(one.centreline, one.centreline[1:], strict=False)]
    road = np.concatenate(fine)
    for spot, error in zip(one.position[::25], one.lateral_error[::25], strict=True):
        nearest = np.linalg.norm(road - spot, axis=1).min()
        assert nearest == pytest.approx(abs(error), abs=0.02)


def test_a_drive_ends_with_the_first_sample_after_its_time() -> None:
    one = drive_expert(15.0, 1)
    assert 15.0 <= one.t[-1] < 15.0 + DT_RANGE[1]
    np.testing.assert_allclose(np.diff(one.t), one.dt[1:], rtol=1e-6)


def test_a_controller_that_returns_nan_is_reported() -> None:
    with pytest.raises(ElegansError, match="sample 0"):
        drive(lambda _x, _dt: float("nan"), 5.0, seed=1)


@pytest.mark.parametrize("bad", [{"seconds": 0.0}, {"fog": 1.5}, {"noise": -1.0}])
def test_an_impossible_journey_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ElegansError, match="drive"):
        draw_journey(**{"seconds": 5.0, **bad}, seed=1)


def test_the_closed_loop_and_the_list_of_tasks_need_no_torch() -> None:
    program = """
import sys
import elegans.trainer.tasks, elegans.trainer.plots, elegans.trainer.progress
import elegans.trainer.tasks.lane.closed_loop, elegans.trainer.tasks.lane.drive_picture
import elegans.trainer.tasks.motions.recordings
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
