"""All trainings of a study, in one process or several, each kept in a file of its own.

A file is written whole when its training and its test are done, and its name has a digest of
everything that determines its content. So the same command goes on where it was killed, and one
with more seeds computes only what is new.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_file
from elegans.trainer.learn.keeping import StoppedError
from elegans.trainer.progress import Progress, silent
from elegans.trainer.robustness.plan import (
    StudyOptions,
    conditions,
    count_parameters,
    lessons,
    tuning,
)
from elegans.trainer.robustness.timed_network import Exporter
from elegans.trainer.robustness.world import CellLesson, Condition, World

FOLDER = "finished"
Record = dict[str, Any]
_LOOK_S = 2.0


@dataclass(frozen=True)
class Job:
    """One training, and under which conditions it is tested; none where it is for tuning."""

    lesson: CellLesson
    conditions: tuple[Condition, ...]
    weights: str

    def file(self, world: World) -> str:
        """The name of its file."""
        lesson = self.lesson
        kind = "tested" if self.conditions else "tuning"
        about = [asdict(lesson), self.conditions, self.weights, world.digest, version("elegans")]
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
        return f"{kind}-{lesson.cell}-{lesson.neurons}-seed{lesson.seed}-{digest}.json"


@dataclass(frozen=True, eq=False)
class StudyOutcome:
    """All records of a study.

    chosen   the learning rate of each cell and number of neurons
    tried    (cell, neurons, rate, error on validation data or None where it failed)
    records  with the lesson of each
    """

    chosen: dict[tuple[str, int], float]
    tried: list[tuple[str, int, float, float | None]]
    records: list[tuple[CellLesson, Record]]


def run_study(
    world: World,
    options: StudyOptions,
    folder: Path,
    jobs: int = 1,
    progress: Progress = silent,
) -> StudyOutcome:
    """Run what `folder` does not have yet.

    Raises ElegansError where nothing can be measured, and `StoppedError` for Ctrl-C.
    """
    try:
        return _run(world, options, folder, jobs, progress)
    except (KeyboardInterrupt, StoppedError):
        remedy = "give the same command again to go on from what is finished"
        raise StoppedError("robust", "was stopped", remedy) from None


def _run(
    world: World, options: StudyOptions, folder: Path, jobs: int, progress: Progress
) -> StudyOutcome:
    first = [Job(one, (), options.weights) for one in tuning(options, world)]
    wanted = lessons(options, world)
    total = len(first) + len(wanted)
    kept = folder / FOLDER
    with _workers(world, jobs) as run:
        counter = _Counter(progress, total)
        done = dict(_completed(first, world, kept, run, counter))
        tried = [(job.lesson, done[job].get("validation")) for job in first]
        chosen = _chosen(tried, options)
        full = [
            replace(one, rate=chosen.get((one.cell, one.neurons), options.rates[0]))
            for one in wanted
        ]
        tests = [
            Job(one, tuple(conditions(options, world, one.cue)), options.weights) for one in full
        ]
        found = dict(_completed(tests, world, kept, run, counter))
    records = [(job.lesson, found[job]) for job in tests]
    if all("failure" in record for _, record in records):
        fact = str(records[0][1]["failure"])
        raise ElegansError("robust", f"no training succeeded: {fact}", "see there")
    rows = [(one.cell, one.neurons, one.rate, error) for one, error in tried]
    return StudyOutcome(chosen, rows, records)


def _chosen(
    tried: Sequence[tuple[CellLesson, float | None]], options: StudyOptions
) -> dict[tuple[str, int], float]:
    """The rate with the lowest error on validation data; the lower rate of two equal ones."""
    best: dict[tuple[str, int], tuple[float, float]] = {}
    for lesson, error in tried:
        key, found = (lesson.cell, lesson.neurons), (float("inf") if error is None else error)
        best[key] = min(best.get(key, (float("inf"), lesson.rate)), (found, lesson.rate))
    return {key: rate for key, (_, rate) in best.items()}


def _completed(
    wanted: Sequence[Job],
    world: World,
    kept: Path,
    run: Callable[[Sequence[Job]], Iterator[tuple[Job, Record]]],
    counter: _Counter,
) -> Iterator[tuple[Job, Record]]:
    """Each job with its record: those on the disk first."""
    missing = []
    for job in wanted:
        record = _read(kept / job.file(world))
        if record is None:
            missing.append(job)
        else:
            counter.add(0, job)
            yield job, record
    for job, record in run(missing):
        write_file(kept / job.file(world), (json.dumps(record, sort_keys=True) + "\n").encode())
        counter.add(1, job)
        yield job, record


def _read(path: Path) -> Record | None:
    """A finished file; None for one that is not there, or that somebody has damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and ("validation" in found) else None


class _Counter:
    """Tells how many trainings are done; those of an earlier run come first."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0
        progress("robust", 0, total, "")

    def add(self, new: int, job: Job) -> None:
        """One more is done; `new` is 0 for one of an earlier run."""
        self._done += 1
        what = "tested" if job.conditions else "tuned"
        lesson = job.lesson
        note = f"{what} {lesson.cell}, {lesson.neurons} neurons, seed {lesson.seed}"
        self._progress("robust" if new else "found", self._done, self._total, note)


def measured(world: World, job: Job, exporter: Exporter) -> Record:
    """Train, export and test; a training or an export that fails is a record, too."""
    try:
        network, validation = world.train(job.lesson)
        record: Record = {"validation": validation, "parameters": count_parameters(network)}
        if not job.conditions:
            return record
        done = exporter.exported(network, world.interface(network), job.weights)
        record["instructions"], record["flash"] = done.cost.instructions, done.cost.flash
        record["errors"] = {
            name: [
                [*condition, error]
                for condition, error in zip(
                    job.conditions,
                    world.errors(execution, job.lesson, job.conditions),
                    strict=True,
                )
            ]
            for name, execution in done.executions.items()
        }
    except StoppedError:
        raise
    except ElegansError as error:
        return {"validation": None, "failure": str(error)}
    return record


@contextmanager
def _workers(
    world: World, jobs: int
) -> Iterator[Callable[[Sequence[Job]], Iterator[tuple[Job, Record]]]]:
    """What runs jobs, here or in so many processes, and gives each as soon as it is done."""
    if jobs == 1:
        exporter = Exporter()
        yield lambda some: ((job, measured(world, job, exporter)) for job in some)
        return
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (world, os.getpid()))

    def run(some: Sequence[Job]) -> Iterator[tuple[Job, Record]]:
        futures = {pool.submit(_in_worker, job): job for job in some}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            raise ElegansError(
                "robust", "a process ended before its training", "give the same command again"
            ) from None

    try:
        yield run
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


_own: list[tuple[World, Exporter]] = []


def _begin(world: World, parent: int) -> None:
    """Once in each process: keep the world, and end when the parent has ended."""
    _own[:] = [(world, Exporter())]

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _in_worker(job: Job) -> Record:
    world, exporter = _own[0]
    return measured(world, job, exporter)
