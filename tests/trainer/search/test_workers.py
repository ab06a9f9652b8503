"""Processes that run trials, and one that is killed."""

from __future__ import annotations

import os
import signal
import time

import pytest

from elegans.tests.trainer.search.test_trial import CHOICE, PLAN, small
from elegans.trainer.search.trial import TrialJob
from elegans.trainer.search.workers import Processes


@pytest.mark.slow
def test_a_trial_is_lost_with_its_process_and_the_next_one_runs():
    workers = Processes(PLAN, small(), 1)
    try:
        job = TrialJob(3, CHOICE)
        workers.submit(job)
        (process,) = workers._pool._processes.values()
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
        assert workers.done() == [(job, None)]
        workers.submit(job)
        ((again, outcome),) = workers.done()
        assert again == job
        assert outcome.state == "complete"
        (process,) = workers._pool._processes.values()
    finally:
        workers.close()
    assert not process.is_alive()
