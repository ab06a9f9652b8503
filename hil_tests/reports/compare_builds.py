"""Compares two BUILDs: digests, formats, sizes, errors, files, and the integers themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elegans.boards.firmware.elf_image import read_image
from elegans.exporter.build_folder import BuildFolder, read_build_folder
from elegans.exporter.codegen.plan import plan
from elegans.exporter.ir.fixed_model import Channel, Model
from elegans.exporter.ir.proof import prove
from elegans.exporter.oracles import reference
from elegans.exporter.oracles.free_run import FreeRunError
from elegans.hil_tests.reports.figures import Change
from elegans.hil_tests.session.build_files import BuildModel, Vectors, load_build
from elegans.hil_tests.session.differences import Results, surroundings

_BATCH = 256  # steps that the reference runs at a time, to bound its memory
_DIGITS = 12  # of a digest, when it is printed
_MOST_FILES = 6  # that are listed


def compare_builds(old: Path, new: Path) -> dict[str, list[Change]]:
    """The changes from one BUILD to another, by what they belong to.

    The integers are those of OLD's golden vectors, which the reference of NEW repeats; where the
    formats of the two differ, equal integers do not mean equal values, and nothing is run. Raises
    `ElegansError` for an unusable BUILD.
    """
    one, other = read_build_folder(old), read_build_folder(new)
    models = one.model(), other.model()
    bounds = [prove(model) for model in models]
    tables = [
        plan(model, bound, folder.layout).bytes
        for model, bound, folder in zip(models, bounds, (one, other), strict=True)
    ]
    formats = _formats(one, other)
    return {
        "model": _model(one, other, models),
        "formats": formats,
        "sizes": [*_changed("tables and weights", tables, "bytes"), *_built(old, new)],
        "errors against float": _errors(one.errors, other.errors),
        "integers": _integers(load_build(old), models[1], one, other, bool(formats)),
        "files": _files(one, other),
    }


def _changed(label: str, values: Sequence[object], unit: str = "") -> list[Change]:
    """One change from the first to the second of two values, or none if both are printed alike."""
    before, now = map(str, values)
    return [] if before == now else [Change(label, before, now, unit)]


def _model(one: BuildFolder, other: BuildFolder, models: tuple[Model, Model]) -> list[Change]:
    return [
        *_changed("name", (one.name, other.name)),
        *_changed("digest", (one.digest[:_DIGITS], other.digest[:_DIGITS])),
        *_changed("states", [len(model.states) for model in models]),
        *_changed("weights", [model.weight_count for model in models]),
        *_changed("layout", (one.layout, other.layout)),
    ]


def _channels(folder: BuildFolder) -> dict[str, Channel]:
    """All channels by their kind and name."""
    kinds = {"input": folder.inputs, "state": folder.states, "output": folder.outputs}
    found = {f"{kind} {c.name}": c for kind, channels in kinds.items() for c in channels}
    return found if folder.dt is None else {"elapsed time": folder.dt} | found


def _formats(one: BuildFolder, other: BuildFolder) -> list[Change]:
    """Channels whose format or range differs, or that one BUILD does not have. Those of a vector
    that changed alike are one change."""
    old, new = _channels(one), _channels(other)
    alike: dict[tuple[str, str, str], list[str]] = {}
    for name in dict.fromkeys((*old, *new)):
        before, now = _format(old.get(name)), _format(new.get(name))
        if before != now:
            vector = re.sub(r"\[\d+\]$", "", name)
            alike.setdefault((vector, before, now), []).append(name)
    if not alike and [*old] != [*new]:
        return [Change("channels", ", ".join(old)[:100], ", ".join(new)[:100])]
    return [
        Change(names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}", before, now)
        for (_, before, now), names in alike.items()
    ]


def _format(channel: Channel | None) -> str:
    if channel is None:
        return "not there"
    return f"{channel.format} in {channel.lo}..{channel.hi}"


def _built(old: Path, new: Path) -> list[Change]:
    """The sizes of the model in the firmware, for each board for which both were compiled."""
    found = []
    for elf in sorted((old / "firmware").glob("*/firmware.elf")):
        twin = new / "firmware" / elf.parent.name / elf.name
        if twin.is_file():
            sizes = [read_image(path).sizes for path in (elf, twin)]
            for section, label in ((".model", "flash"), (".model_state", "RAM")):
                pair = [size.get(section, 0) for size in sizes]
                found += _changed(f"{label}, {elf.parent.name}", pair, "bytes")
    return found


def _errors(one: Sequence[FreeRunError], other: Sequence[FreeRunError]) -> list[Change]:
    old, new = ({error.source: error for error in errors} for errors in (one, other))
    found = []
    for source in dict.fromkeys((*old, *new)):
        found += _changed(source, [_error(errors.get(source)) for errors in (old, new)])
    return found


def _error(error: FreeRunError | None) -> str:
    if error is None:
        return "not stated"
    same = "" if error.decisions is None else f", {error.decisions:.1%} of decisions equal"
    return f"worst {error.worst:.1e} at {error.name}, rms {error.rms:.1e}{same}"


def _files(one: BuildFolder, other: BuildFolder) -> list[Change]:
    """The names of the files whose digests differ, or that one BUILD does not have."""
    old, new = one.files, other.files
    both = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    sets = {
        "other contents": both,
        "only in OLD": sorted(old.keys() - new.keys()),
        "only in NEW": sorted(new.keys() - old.keys()),
    }
    return [Change(label, "", _listed(names)) for label, names in sets.items() if names]


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_FILES
    return ", ".join(names[:_MOST_FILES]) + (f" and {rest} more" if rest > 0 else "")


def _integers(
    golden: BuildModel, model: Model, one: BuildFolder, other: BuildFolder, formats_differ: bool
) -> list[Change]:
    """How many integers of OLD's golden steps NEW computes otherwise, and the first of them."""
    if one.digest == other.digest:
        return []
    if formats_differ and not _same_meaning(one, other):
        return [Change("golden steps", "", "not run, because the formats differ")]
    vectors = golden.vectors[np.flatnonzero(_inside(golden.vectors, one, other))]
    if not len(vectors):
        return [Change("golden steps", "", "not run, because none is inside the ranges of NEW")]
    got = _repeat(model, vectors)
    around = surroundings(golden, vectors, got)
    if around is None:
        return []
    first, wrong = around.difference, got.wrong(vectors)
    count = f"{int(wrong.sum())} of {vectors.y.size + vectors.h_next.size}"
    place = f"vector {first.vector} ({first.section}), {first.name}"
    apart = max(_farthest(got.y, vectors.y), _farthest(got.h, vectors.h_next))
    return [
        Change("different", "", f"{count}, in {np.count_nonzero(wrong)} of {len(vectors)} steps"),
        Change(f"first, {place}", str(first.expected), str(first.got)),
        Change("farthest apart", "", f"{apart} units"),
    ]


def _same_meaning(one: BuildFolder, other: BuildFolder) -> bool:
    """Whether equal integers have equal meanings in both; ranges may differ."""
    old, new = _channels(one), _channels(other)
    return [*old] == [*new] and all(
        (a.format, a.bits) == (b.format, b.bits)
        for a, b in zip(old.values(), new.values(), strict=True)
    )


def _inside(vectors: Vectors, one: BuildFolder, other: BuildFolder) -> NDArray[np.bool_]:
    """The golden vectors of OLD that NEW promises to run alike, ``[N]``: where the two have
    different ranges, those inside NEW's."""
    inside = np.ones(len(vectors), bool)
    times = (vectors.dt[:, None], (one.dt,), (other.dt,))
    states = (vectors.h, one.states, other.states)
    for values, old, new in [(vectors.x, one.inputs, other.inputs), states, times]:
        for column, (a, b) in enumerate(zip(old, new, strict=True)):
            if a is not None and b is not None and (a.lo, a.hi) != (b.lo, b.hi):
                inside &= (values[:, column] >= b.lo) & (values[:, column] <= b.hi)
    return inside


def _repeat(model: Model, vectors: Vectors) -> Results:
    """What the reference of a model computes for each golden step."""
    got = Results.of_shape(vectors)
    for start in range(0, len(vectors), _BATCH):
        part = slice(start, start + _BATCH)
        x, dt, h = vectors.x[part], vectors.dt[part][:, None], vectors.h[part]
        got.y[part], got.h[part] = reference.step(model, x, dt, h)
    return got


def _farthest(one: NDArray[np.signedinteger], other: NDArray[np.signedinteger]) -> int:
    return int(np.abs(one.astype(np.int64) - other).max(initial=0))
