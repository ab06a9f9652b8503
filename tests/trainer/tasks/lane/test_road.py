"""Roads have bounded, continuous curvature, and a centreline that agrees with it."""

from __future__ import annotations

import numpy as np

from elegans.trainer.tasks.lane.road import SPACING, TIGHTEST, winding_road


def test_a_road_winds_both_ways_and_its_curvature_never_jumps() -> None:
    for seed in range(10):
        road = winding_road(1500.0, np.random.default_rng(seed))
        assert road.curvature.max() > 0.4 * TIGHTEST
        assert road.curvature.min() < -0.4 * TIGHTEST
        assert np.abs(road.curvature).max() <= TIGHTEST * (1 + 1e-9)
        assert np.abs(np.diff(road.curvature)).max() < 2.1 * TIGHTEST * SPACING / 18.0


def test_the_centreline_has_the_spacing_and_the_bends_that_the_road_declares() -> None:
    road = winding_road(800.0, np.random.default_rng(3))
    pieces = np.diff(road.centreline, axis=0)
    np.testing.assert_allclose(np.linalg.norm(pieces, axis=1), SPACING, rtol=1e-9)
    turned = np.unwrap(np.arctan2(pieces[:, 1], pieces[:, 0]))
    np.testing.assert_allclose(np.diff(turned) / SPACING, road.curvature[1:-1], atol=0.002)
    assert road.centreline[0].tolist() == [0.0, 0.0]


def test_a_seed_determines_the_road() -> None:
    one, same, other = (winding_road(300.0, np.random.default_rng(s)) for s in (5, 5, 6))
    assert np.array_equal(one.centreline, same.centreline)
    assert not np.array_equal(one.centreline, other.centreline)
