"""A sweep on a Ray cluster of two nodes, of which one is killed in the middle."""

from __future__ import annotations

import pytest

from elegans.exporter.errors import ElegansError
from elegans.tests.trainer.search.test_trial import PLAN, small
from elegans.trainer.search.space import Space
from elegans.trainer.search.sweep import SweepPlan, run_sweep
from elegans.trainer.search.workers import RayCluster

pytestmark = pytest.mark.slow


def test_no_cluster_is_an_error_in_one_line():
    pytest.importorskip("ray")
    with pytest.raises(ElegansError, match="no cluster answers"):
        RayCluster(PLAN, small(), "nosuch://127.0.0.1:1")


def test_a_sweep_ends_with_all_trials_though_a_node_is_killed(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    # Ray's workers give way to all others (nice 15): beside other tests they would hardly run.
    monkeypatch.setenv("RAY_worker_niceness", "0")
    from ray.cluster_utils import Cluster

    nodes = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=nodes)
    second = cluster.add_node(**nodes)
    problem, places, killed = small(), [], []
    space = Space(("ctrnn", "mlp"), ("int16",), (4, 8), ())
    plan = SweepPlan("small", ("error", "instructions", "flash"), space, PLAN)

    class Watched(RayCluster):
        def submit(self, job):
            places.append(self.places)
            super().submit(job)

        def done(self):
            ended = super().done()
            if not killed and len(places) >= 4:  # two trials run, one on each node
                killed.append(len(self._running))
                cluster.remove_node(second, allow_graceful=False)
            return ended

    def workers():
        return Watched(PLAN, problem, cluster.address)

    try:
        found = run_sweep(plan, problem, tmp_path, 6, workers)
    finally:
        cluster.shutdown()
    assert killed
    assert places[0] == 2
    assert len(found["trials"]) == 6
    for row in found["trials"]:
        assert (tmp_path / row["folder"] / "export/model.json").exists()
