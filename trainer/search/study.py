"""The trials of a sweep in an Optuna study: SQLite, a database server, or a journal on a share.

Only plain values go into it. Each trial's parameters come from a sampler that is seeded with the
sweep's seed and the trial's number, so a sweep that was killed and goes on draws what it would
have drawn otherwise.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elegans.exporter.cost.estimate import Cost
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.trainer.search.hopeless import Peer
from elegans.trainer.search.space import Space
from elegans.trainer.search.trial import COMPLETE, FAILED, TrialOutcome

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

SQLITE = "study.db"
_JOURNAL = "journal:"
_OUTCOME, _ATTEMPTS = "outcome", "attempts"
_NEEDED = ("error", "test_error", "instructions", "flash")
_MOST_ATTEMPTS = 3
"""A trial whose process died so often is a failure; its memory may not be enough."""
_WAIT_S = 60.0  # for another program that writes to the same SQLite file, as a dashboard does


def require_optuna() -> None:
    """Raise ElegansError unless the extra `sweep` is installed."""
    if importlib.util.find_spec("optuna") is None:
        raise ElegansError("sweep", "optuna is missing", "pip install 'elegans[sweep]'")


def kind_of(storage: str | None) -> str:
    """What a storage is, without its address: sqlite, journal, postgresql, ..."""
    if storage is None:
        return "sqlite"
    if storage.startswith(_JOURNAL):
        return "journal"
    scheme, mark, rest = storage.partition("://")
    if not mark or not rest:
        raise WrongUseError(
            "--storage",
            f"{storage!r:.60} is no storage",
            "give postgresql://USER@HOST/DATABASE, sqlite:///FILE or journal:FILE",
        )
    return scheme.partition("+")[0]


class Trials:
    """The trials of one sweep.

    storage     as `kind_of` takes it, or None for SQLite in `folder`
    name        of the study
    objectives  all of them are minimised

    Raises ElegansError for a storage that cannot be opened or is damaged.
    """

    def __init__(
        self,
        storage: str | None,
        folder: Path,
        name: str,
        objectives: Sequence[str],
        space: Space,
        seed: int,
    ) -> None:
        require_optuna()
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._place = kind_of(storage)
        self._objectives, self._space, self._seed = tuple(objectives), space, seed
        with self._reported():
            self._study: Study = optuna.create_study(
                storage=_opened(storage, folder),
                study_name=name,
                directions=["minimize"] * len(self._objectives),
                load_if_exists=True,
            )
            self._study.set_metric_names(list(self._objectives))

    def finished(self) -> int:
        """How many trials are done, in whatever way."""
        return sum(one.state.is_finished() for one in self.all())

    def all(self) -> list[FrozenTrial]:
        """All trials, in the order of their numbers."""
        with self._reported():
            return self._study.get_trials(deepcopy=False)

    def left_behind(self) -> list[tuple[int, dict[str, Any]]]:
        """The trials that a process was running when it ended, to be run again.

        To be called before any trial is begun: whoever calls it holds the sweep's lock, so no
        other process runs them. Those that had not drawn all parameters become failures.
        """
        again = []
        for one in self.all():
            if one.state.is_finished():
                continue
            if self._space.complete(one.params):
                again.append((one.number, dict(one.params)))
            else:
                self.end(one.number, TrialOutcome(FAILED, "was killed before it began"))
        return again

    def begin(self) -> tuple[int, dict[str, Any]]:
        """A new trial: its number, and the parameters that it has drawn."""
        from optuna.samplers import TPESampler

        with self._reported():
            number = len(self._study.get_trials(deepcopy=False))
            seed = int(np.random.SeedSequence([self._seed, number]).generate_state(1)[0])
            self._study.sampler = TPESampler(seed=seed)
            trial = self._study.ask()
            self._space.drawn(trial)
            return trial.number, dict(trial.params)

    def attempt(self, number: int) -> bool:
        """Count one more attempt at a trial; False if there were enough."""
        with self._reported():
            before = int(self._told(number).get(_ATTEMPTS, 0))
            if before < _MOST_ATTEMPTS:
                self._tell(number, _ATTEMPTS, before + 1)
        return before < _MOST_ATTEMPTS

    def forgive(self, number: int) -> None:
        """Count an attempt less: the trial was stopped on purpose."""
        with self._reported():
            self._tell(number, _ATTEMPTS, int(self._told(number).get(_ATTEMPTS, 1)) - 1)

    def end(self, number: int, outcome: TrialOutcome) -> None:
        """Write what came of a trial."""
        from optuna.trial import TrialState

        with self._reported():
            told: dict[str, Any] = {"state": outcome.state, "values": outcome.values}
            told |= {"losses": list(outcome.losses), "seconds": outcome.seconds}
            told |= {"reason": outcome.reason} if outcome.reason else {}
            self._tell(number, _OUTCOME, told)
            if outcome.state == COMPLETE:
                self._study.tell(number, [outcome.values[name] for name in self._objectives])
            else:
                failed = outcome.state == FAILED
                self._study.tell(number, state=TrialState.FAIL if failed else TrialState.PRUNED)

    def outcomes(self) -> list[tuple[FrozenTrial, dict[str, Any]]]:
        """The trials that are done, and what came of each: state, values, losses, seconds, and a
        reason if it is not complete."""
        with self._reported():
            return [(one, self._checked(one)) for one in self.all() if one.state.is_finished()]

    def _checked(self, one: FrozenTrial) -> dict[str, Any]:
        """What came of a trial. Raises ValueError for what no sweep writes."""
        told = one.user_attrs.get(_OUTCOME)
        if told is None:
            return {"state": FAILED, "reason": "was ended by another program"}
        try:
            if told["state"] == COMPLETE:
                for name in (*self._objectives, *_NEEDED):
                    float(told["values"][name])
                list(map(float, told["losses"]))
                if not self._space.complete(one.params):
                    raise ValueError("a parameter is missing")
        except (TypeError, LookupError, ValueError) as error:
            raise ValueError(f"trial {one.number} is damaged: {error!r:.60}") from None
        return dict(told)

    def _identity(self, number: int) -> int:
        study = self._study
        return study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)

    def _told(self, number: int) -> dict[str, Any]:
        return self._study._storage.get_trial(self._identity(number)).user_attrs

    def _tell(self, number: int, key: str, value: Any) -> None:
        self._study._storage.set_trial_user_attr(self._identity(number), key, value)

    def peers(self) -> tuple[Peer, ...]:
        """The complete trials as others are compared with them."""
        found = []
        for _, told in self.outcomes():
            if told["state"] == COMPLETE:
                values = told["values"]
                cost = Cost(int(values["instructions"]), int(values["flash"]))
                found.append(Peer(cost, tuple(told["losses"])))
        return tuple(found)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """What a storage raises, as an ElegansError that names no password."""
        import optuna
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of experimental methods
                yield
        except ImportError as error:
            remedy = "pip install its driver, and name it as in postgresql+psycopg2://"
            remedy = "pip install 'psycopg[binary]'" if self._place == "postgresql" else remedy
            raise ElegansError(
                f"sweep, storage {self._place}", f"its driver is missing ({error!s:.100})", remedy
            ) from None
        except (
            *(SQLAlchemyError, optuna.exceptions.OptunaError),
            *(OSError, RuntimeError, ValueError, KeyError),
        ) as error:
            text = " ".join(str(getattr(error, "orig", None) or error).split())
            raise ElegansError(
                f"sweep, storage {self._place}",
                f"cannot be used ({text or type(error).__name__:.160})",
                "check that it is there, whole, and that you may write to it",
            ) from None


def _opened(storage: str | None, folder: Path) -> Any:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    if storage is not None and storage.startswith(_JOURNAL):
        return optuna.storages.JournalStorage(JournalFileBackend(storage[len(_JOURNAL) :]))
    url = storage or f"sqlite:///{(folder / SQLITE).absolute()}"
    more = {"connect_args": {"timeout": _WAIT_S}} if kind_of(url) == "sqlite" else {}
    return optuna.storages.RDBStorage(url, engine_kwargs=more)
