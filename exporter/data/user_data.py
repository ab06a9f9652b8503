"""The user's own data as a model takes them: integers of N series, checked or clipped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elegans.exporter.data.clip import Changes, clipped
from elegans.exporter.data.labels import labels_of
from elegans.exporter.data.recording import check_range, recording_of, to_integers
from elegans.exporter.data.recordings.time_series import Stamps
from elegans.exporter.data.sources import RawSeries, Wanted, read_series
from elegans.exporter.data.stamped import read_stamped
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.numbers.fixed import Integers, quantise


@dataclass(frozen=True, eq=False)
class UserData:
    """N series of up to T steps, as the integers that the device receives.

    names    [N] of the series
    several  whether the data can hold several series, although N may be 1
    lengths  [N] the number of steps of each
    x        [N, T, inputs]; after the end of a series its last step again, and so in dt
    dt       [N, T], zeros if the model takes no elapsed time
    h0       [N, states] before the first step
    labels   [N, T] classes or `labels.NO_LABEL`; None if there are none
    changes  a sentence for each input that was clipped or filled, and for what time stamps needed
    """

    names: tuple[str, ...]
    several: bool
    lengths: Integers
    x: Integers
    dt: Integers
    h0: Integers
    labels: Integers | None
    changes: tuple[str, ...]

    @property
    def steps(self) -> int:
        """Of all series together."""
        return int(self.lengths.sum())

    @property
    def valid(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """[N, T] whether a step belongs to its series."""
        return np.arange(self.x.shape[1]) < self.lengths[:, None]

    def described(self) -> str:
        """The numbers of series and of steps in words."""
        shortest, longest = int(self.lengths.min()), int(self.lengths.max())
        if not self.several:
            return f"{longest:,} steps"
        each = f"{longest:,}" if shortest == longest else f"{shortest:,} to {longest:,}"
        plural = "" if len(self.names) == 1 else "s"
        return f"{len(self.names):,} run{plural} of {each} steps"


def read_user_data(
    source: Path,
    model: Model,
    period_fixed: bool,
    clip: bool = False,
    labels: str | None = None,
    stamps: Stamps | None = None,
) -> UserData:
    """The series in a file or a folder; `sources.read_series` says what it may be.

    period_fixed  whether the sample period was fixed at export: what to say if `dt` varies
    clip          whether values that are missing or outside of their range are put right
    labels        as `labels.labels_of` takes them; None for none
    stamps        which columns say when a step was, where none says how long it took

    Raises `ElegansError` for data that this model cannot take.
    """
    apart = None if labels is None else Path(labels)
    wanted, notes = Wanted(model, labels, missing=clip, apart=apart), list[str]()
    if stamps is None:
        raw, several = read_series(source, wanted)
    else:
        raw, several = read_stamped(source, wanted, stamps, notes)
    changes, parts = Changes(), []
    outputs = [channel.name for channel in model.outputs]
    for one in raw:
        arrays = clipped(one.place, one.arrays, model, changes) if clip else one.arrays
        recording = recording_of(one.place, arrays, model)
        _check_period(one, model, period_fixed)
        x, dt = to_integers(recording, model)
        parts.append((x[0], dt[0], _first_state(one, model)))
    lengths = np.array([one.steps for one in raw])
    x, dt = (np.stack([_padded(p[i], lengths.max()) for p in parts]) for i in (0, 1))
    return UserData(
        names=tuple(one.name for one in raw),
        several=several,
        lengths=lengths,
        x=x,
        dt=dt,
        h0=np.stack([h0 for _, _, h0 in parts]),
        labels=None if labels is None else labels_of(labels, raw, several, outputs),
        changes=(*notes, *changes.told(model)),
    )


def _padded(values: Integers, steps: int) -> Integers:
    return np.concatenate([values, np.repeat(values[-1:], steps - len(values), axis=0)])


def _check_period(one: RawSeries, model: Model, period_fixed: bool) -> None:
    """Raise `ElegansError` if elapsed time varies, but the model takes none."""
    period = one.arrays.get("dt", np.zeros(1))
    if model.dt is not None or not period.size or np.ptp(period.astype(np.float64)) == 0:
        return
    fact, remedy = "varies, and this network takes no elapsed time", "leave dt out"
    if period_fixed:
        fact = "varies, and this model's sample period was fixed at export"
        remedy = "export without --dt, or leave dt out"
    raise ElegansError(f"{one.place}, 'dt'", fact, remedy)


def _first_state(one: RawSeries, model: Model) -> Integers:
    """The states [H] to start from: `h0`, by default zero."""
    h0 = one.arrays.get("h0", np.zeros(len(model.states))).astype(np.float64)
    place = f"{one.place}, h0"
    if not np.all(np.isfinite(h0)):
        raise ElegansError(place, "is not all finite", "correct it, or leave it out")
    if h0.shape != (len(model.states),):
        remedy = f"save h0 [{len(model.states)}], or leave it out"
        raise ElegansError(one.place, f"h0 has the shape {h0.shape}", remedy)
    for value, channel in zip(h0, model.states, strict=True):
        check_range(place, np.array([value]), channel)
    fracs = np.array([c.frac for c in model.states])
    bounds = [c.lo for c in model.states], [c.hi for c in model.states]
    inside: Integers = np.clip(quantise(h0, fracs), *bounds)
    return inside
