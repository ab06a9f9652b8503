"""A sweep in its folder: begin it or go on with it, run its trials, keep its front up to date.

    DIR/sweep.json          what is swept; it must not change when a sweep goes on
    DIR/study.db            the trials, unless --storage names another place
    DIR/trials/N/           model.onnx, its BUILD in export/, weights, trial.json
    DIR/front.json, .png, .svg

One process holds the lock of the folder and writes all of these; workers only return bytes. A lock
ends with its process, so whoever gets it knows that the trials that seem to run were left behind.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_file, write_folder
from elegans.exporter.storage.file_lock import try_lock
from elegans.exporter.storage.read_files import FileKind, parse_json, read_input
from elegans.trainer.progress import Progress
from elegans.trainer.search.front import document, draw_front, write_front
from elegans.trainer.search.pick import to_json
from elegans.trainer.search.problem import Problem
from elegans.trainer.search.space import Space
from elegans.trainer.search.study import Trials, kind_of
from elegans.trainer.search.trial import COMPLETE, FAILED, TrialJob, TrialOutcome, TrialPlan
from elegans.trainer.search.workers import Workers

OBJECTIVES = ("error", "instructions", "flash", "robustness")
_SETTINGS = FileKind("a sweep.json", 1 << 20)
_HOPELESS_START = 5
"""A sweep whose first trials all fail, so many of them, is wrong from the ground up."""


class SweepStoppedError(ElegansError):
    """The user stopped the sweep by Ctrl-C."""

    exit_code = 130


@dataclass(frozen=True)
class SweepPlan:
    """What is swept.

    what        the task or the path of the data, as the user named it
    objectives  of `OBJECTIVES`, the error first
    """

    what: str
    objectives: tuple[str, ...]
    space: Space
    shared: TrialPlan

    def stated(self, problem: Problem) -> dict[str, Any]:
        """All that must be equal for a sweep to go on, as JSON has it."""
        shared = asdict(self.shared)
        del shared["settings"]["cell"], shared["settings"]["neurons"], shared["settings"]["lr"]
        stated = {
            "data": problem.digest,
            "metric": problem.metric,
            "name": problem.name,
            "objectives": self.objectives,
            "space": asdict(self.space),
            **shared,
        }
        found: dict[str, Any] = json.loads(json.dumps(stated))
        return found


def run_sweep(
    plan: SweepPlan,
    problem: Problem,
    folder: Path,
    trials: int,
    workers: Callable[[], Workers],
    storage: str | None = None,
    progress: Progress = lambda *_: None,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Run trials until `trials` are done, those of earlier calls among them; the front's document.

    Raises ElegansError for a folder that is no sweep or is swept by another process, for other
    settings than before, and if every trial fails; `SweepStoppedError` for Ctrl-C.
    """
    with _locked(folder):
        name = _begun(plan, problem, folder, storage)
        seed = plan.shared.settings.seed
        study = Trials(storage, folder, name, plan.objectives, plan.space, seed)
        again = study.left_behind()
        if study.finished() or again:
            tell(f"{study.finished()} trials are done, {len(again)} are begun again")
        sweep = _Sweep(plan, problem, folder, study)
        pool = workers() if study.finished() < trials else None
        try:
            if pool is not None:
                sweep.run(pool, trials, again, progress)
            for note in sweep.failures():
                tell(note)
        except KeyboardInterrupt:
            raise _stopped(study.finished(), trials, folder) from None
        except ElegansError as error:
            if error.exit_code == SweepStoppedError.exit_code:  # a training in this process
                raise _stopped(study.finished(), trials, folder) from None
            raise
        finally:
            if pool is not None:
                pool.close()
            sweep.forgive()
            found = sweep.write_front()
            draw_front(folder, found)
        return found


class _Sweep:
    def __init__(self, plan: SweepPlan, problem: Problem, folder: Path, study: Trials) -> None:
        self._plan, self._problem, self._folder, self._study = plan, problem, folder, study
        self._running: set[int] = set()

    def run(
        self,
        pool: Workers,
        trials: int,
        again: Sequence[tuple[int, dict[str, Any]]],
        progress: Progress,
    ) -> None:
        """Keep all places of the pool busy until enough trials are done."""
        waiting, done = list(again), self._study.finished()
        while done < trials:
            while len(self._running) < pool.places and done + len(self._running) < trials:
                number, parameters = waiting.pop(0) if waiting else self._study.begin()
                job = TrialJob(number, parameters, self._study.peers())
                if self._study.attempt(number):
                    self._running.add(number)
                    pool.submit(job)
                else:
                    fact = "its process died again and again; the memory may be too small"
                    self._end(job, TrialOutcome(FAILED, fact))
                    done += 1
            progress("sweep", done, trials, self._note())
            for job, outcome in pool.done() if self._running else ():
                self._running.remove(job.number)
                if outcome is None:
                    waiting.append((job.number, dict(job.parameters)))
                else:
                    self._end(job, outcome)
            done = self._study.finished()
        progress("sweep", done, trials, self._note())

    def forgive(self) -> None:
        """The trials that run are stopped on purpose: this is no failure of theirs."""
        for number in self._running:
            self._study.forgive(number)

    def _end(self, job: TrialJob, outcome: TrialOutcome) -> None:
        """First the folder, then the study: what the study calls complete is there."""
        if outcome.state == COMPLETE:
            row = _row(job.number, job.parameters, outcome.values)
            files = {**outcome.files, "trial.json": to_json(row)}
            write_folder(self._folder / row["folder"], files)
        self._study.end(job.number, outcome)
        if outcome.state == COMPLETE:
            self.write_front()
        elif outcome.state == FAILED:
            self._check_failures()

    def _check_failures(self) -> None:
        ended = [told for _, told in self._study.outcomes()]
        if len(ended) == _HOPELESS_START and all(told["state"] == FAILED for told in ended):
            raise ElegansError(
                "sweep",
                f"each of its first {len(ended)} trials failed: {ended[-1]['reason']}",
                "correct that, and sweep in a new folder",
            )

    def failures(self) -> list[str]:
        """A note about the trials that failed, if any did."""
        failed = [(one, told) for one, told in self._study.outcomes() if told["state"] == FAILED]
        if not failed:
            return []
        first, told = failed[0]
        many = f"{len(failed)} trials failed; the first, " if len(failed) > 1 else ""
        return [f"{many}trial {first.number} failed: {told['reason']}"]

    def _note(self) -> str:
        states = [told["state"] for _, told in self._study.outcomes()]
        told = [f"{states.count(COMPLETE)} complete"]
        pruned = sum(state in ("refused", "hopeless") for state in states)
        told += [f"{pruned} pruned"] * (pruned > 0)
        told += [f"{states.count(FAILED)} failed"] * (FAILED in states)
        return ", ".join(told)

    def write_front(self) -> dict[str, Any]:
        """front.json of the present trials."""
        shared, problem = self._plan.shared, self._problem
        rows = [
            _row(one.number, one.params, told["values"])
            for one, told in self._study.outcomes()
            if told["state"] == COMPLETE
        ]
        head = {
            "task": problem.name,
            "metric": problem.metric,
            "core": shared.core,
            "seed": shared.settings.seed,
            "disturbance": _disturbance(shared),
        }
        found = document(head, rows, self._plan.objectives)
        write_front(self._folder, found)
        return found


def _row(number: int, parameters: Any, values: dict[str, float]) -> dict[str, Any]:
    return {"trial": number, "folder": f"trials/{number}", **parameters, **values}


def _disturbance(shared: TrialPlan) -> str:
    how = shared.disturbance
    return "" if how is None else f"noise {how.noise:g}, dropout {how.dropout:g}"


def _stopped(done: int, trials: int, folder: Path) -> SweepStoppedError:
    fact = f"stopped after {done} of {trials} trials; the front of these is in {folder}"
    return SweepStoppedError("sweep", fact, "give the same command to go on")


def _begun(plan: SweepPlan, problem: Problem, folder: Path, storage: str | None) -> str:
    """The name of the study: a new one, or that of the sweep that the folder holds."""
    path, stated = folder / "sweep.json", plan.stated(problem)
    kind = kind_of(storage)
    if not path.exists():
        there = [one.name for one in folder.iterdir() if not one.name.startswith(".")]
        if there:
            raise ElegansError(
                folder, f"holds {there[0]!r:.40}, and no sweep", "give a new folder to -o"
            )
        name = f"{problem.name}-{secrets.token_hex(4)}"
        written = {"study": name, "what": plan.what, "storage": kind, "sweep": stated}
        write_file(path, (json.dumps(written, indent=1, sort_keys=True) + "\n").encode())
        return name
    try:
        before = parse_json(read_input(path, _SETTINGS, "give a new folder to -o"))
        name, kind_before, stated_before = before["study"], before["storage"], before["sweep"]
        changed = [key for key in stated if stated[key] != stated_before.get(key)]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        fact = f"is damaged ({type(error).__name__} {error!s:.60})"
        raise ElegansError(path, fact, "give a new folder to -o") from None
    if kind != kind_before:
        raise ElegansError(
            folder, f"its trials are in {kind_before}, not in {kind}", "give --storage as at first"
        )
    if changed:
        raise ElegansError(
            folder,
            f"holds a sweep with another {changed[0]}",
            "repeat the options of the first command, or give a new folder to -o",
        )
    return str(name)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The sweep's folder, made if it is not there, for this process alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("a+b")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ElegansError(
            folder, f"cannot be written ({reason})", "choose a folder that you can write to"
        ) from None
    with file:
        if not try_lock(file):
            raise ElegansError(
                folder, "is swept by another process", "wait for it, or give another folder to -o"
            )
        yield
