"""Where trials run: in this process, in processes of this machine, or on a Ray cluster.

All have one interface, `Workers`. A trial whose process was lost is a `LostError`, not an outcome:
nobody knows what would have come of it.
"""

from __future__ import annotations

import importlib.util
import logging
import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import Any, Protocol

from elegans.exporter.errors import ElegansError
from elegans.trainer.search.problem import Problem
from elegans.trainer.search.trial import TrialJob, TrialOutcome, TrialPlan, run_trial

Done = list[tuple[TrialJob, TrialOutcome | None]]
"""Jobs that ended, and their outcomes; None for one whose process was lost."""


class Workers(Protocol):
    """Runs trials, several at once."""

    @property
    def places(self) -> int:
        """How many trials can run at once; it may change."""

    def submit(self, job: TrialJob) -> None:
        """Begin a trial."""

    def done(self) -> Done:
        """Wait until at least one trial has ended, and give all that have."""

    def close(self) -> None:
        """End all processes at once, with the trials that they run."""


class InThisProcess:
    """One trial after the other, in this process."""

    places = 1

    def __init__(self, shared: TrialPlan, problem: Problem) -> None:
        self._shared, self._problem = shared, problem
        self._jobs: list[TrialJob] = []

    def submit(self, job: TrialJob) -> None:
        """Remember a trial; `done` runs it."""
        self._jobs.append(job)

    def done(self) -> Done:
        """Run the oldest trial."""
        job = self._jobs.pop(0)
        return [(job, run_trial(self._shared, self._problem, job))]

    def close(self) -> None:
        """Nothing runs between two calls."""


class Processes:
    """Processes of this machine, each with one thread of torch."""

    def __init__(self, shared: TrialPlan, problem: Problem, count: int) -> None:
        self._given = shared, problem
        self.places = count
        self._running: dict[Future[TrialOutcome], TrialJob] = {}
        self._pool = self._started()

    def submit(self, job: TrialJob) -> None:
        """Begin a trial in a process that is idle, or as soon as one is."""
        try:
            future = self._pool.submit(_run_here, job)
        except BrokenProcessPool:  # a process died since the last call of `done`
            future = Future()
            future.set_exception(BrokenProcessPool())
        self._running[future] = job

    def done(self) -> Done:
        """Wait for a trial. If a process was killed, all that ran at that time are lost."""
        ended, _ = wait(self._running, return_when=FIRST_COMPLETED)
        found: Done = []
        broken = False
        for future in sorted(ended, key=lambda one: self._running[one].number):
            job = self._running.pop(future)
            try:
                found.append((job, future.result()))
            except BrokenProcessPool:
                broken = True
                found.append((job, None))
        if broken:
            found += [(job, None) for job in self._running.values()]
            self._running.clear()
            self._end()
            self._pool = self._started()
        return found

    def close(self) -> None:
        """End the processes; kill them if they run trials."""
        if self._running:
            self._end()
        else:
            self._pool.shutdown()

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.places, multiprocessing.get_context("spawn"), _begin, self._given
        )

    def _end(self) -> None:
        processes = list((getattr(self._pool, "_processes", None) or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        for process in processes:
            process.join()


_HERE: list[tuple[TrialPlan, Problem]] = []
"""In a worker process: what `_begin` was given."""


def _begin(shared: TrialPlan, problem: Problem) -> None:
    """Prepare a worker process: Ctrl-C is for its parent, and it ends when its parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _HERE.append((shared, problem))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _run_here(job: TrialJob) -> TrialOutcome:
    return run_trial(*_HERE[0], job)


class RayCluster:
    """A Ray cluster: one CPU a trial, on whichever node is free.

    address  as `ray.init` takes it: HOST:PORT, ray://HOST:PORT, or auto
    most     trials at once; None for as many as the cluster has CPUs

    Data are sent to each node once. A trial whose node dies runs again on another; Ray sees to
    it. Raises ElegansError without Ray, or where no cluster answers.
    """

    def __init__(
        self, shared: TrialPlan, problem: Problem, address: str, most: int | None = None
    ) -> None:
        if importlib.util.find_spec("ray") is None:
            raise ElegansError("sweep --ray", "ray is missing", "pip install 'elegans[ray]'")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        self._ray: Any = ray
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            text = " ".join(str(error).split())
            raise ElegansError(
                f"--ray {address}",
                f"no cluster answers ({text:.160})",
                "give the address that `ray start --head` prints",
            ) from None
        self._most = most
        self._given = ray.put((shared, problem))
        self._run = ray.remote(num_cpus=1, max_retries=5)(_run_given)
        self._running: dict[Any, TrialJob] = {}

    @property
    def places(self) -> int:
        """The CPUs of the nodes that are alive."""
        there = int(self._ray.cluster_resources().get("CPU", 0))
        return max(1, there if self._most is None else min(there, self._most))

    def submit(self, job: TrialJob) -> None:
        """Begin a trial on any node."""
        self._running[self._run.remote(self._given, job)] = job

    def done(self) -> Done:
        """Wait for a trial."""
        ended, _ = self._ray.wait(list(self._running), num_returns=1)
        found: Done = []
        for reference in ended:
            job = self._running.pop(reference)
            try:
                found.append((job, self._ray.get(reference)))
            except self._ray.exceptions.RayError:  # of the node or the worker, not of the trial
                found.append((job, None))
        return found

    def close(self) -> None:
        """Cancel what runs, and leave the cluster."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()


def _run_given(given: tuple[TrialPlan, Problem], job: TrialJob) -> TrialOutcome:
    return run_trial(*given, job)
