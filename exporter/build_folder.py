"""The reader of `model.json`, the file in a BUILD folder that describes the exported model."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from elegans.exporter.delivery.layouts import LAYOUTS
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.conversion import affine_fields
from elegans.exporter.ir.fixed_model import Channel, Model, from_json
from elegans.exporter.ir.proof import prove, require_sound
from elegans.exporter.oracles.blame.blame import Blame
from elegans.exporter.oracles.free_run import FreeRunError
from elegans.exporter.storage.read_files import MODEL_JSON, parse_json, read_input

_REMEDY = "run `elegans export` again"
_MISSING = object()
_COUNT = re.compile(r"u?int\d{1,2}")
# What a model raises whose parts do not fit together.
_UNSOUND = (
    *(ValueError, TypeError, LookupError, AttributeError),
    *(ArithmeticError, MemoryError, RecursionError),
)

T = TypeVar("T")


@dataclass(frozen=True)
class BuildFolder:
    """What `model.json` states about a BUILD folder; every field has been checked for its type.

    path      of `model.json`
    name      of the model, a C identifier
    digest    SHA-256 of the model, 64 hexadecimal digits; compared only in `model`
    inputs, dt, states, outputs   the integers that cross the model's border; dt is None when
              the sample period was fixed at export
    layout    what the C was generated for, one of `delivery.layouts.LAYOUTS`; the key is `optimise`
    errors    of free runs against the float network; empty where they are not stated
    notes     sentences about ports and ranges that the user should look at, with remedies
    blame     for the worst of these errors; None where it is small, or not stated
    files     the SHA-256 of each file of the folder, by its path; may be incomplete
    version   of the elegans that exported it; "" if an earlier one did, which did not state it
    runtime   the version of the runtime that its C needs; 0 if an earlier elegans exported it
    structure digest of what is compiled, where the weights are a block of their own; else ""
    made_for  digest of the model whose code its block is for, if that is another one; else ""
    """

    path: Path
    name: str
    digest: str
    inputs: tuple[Channel, ...]
    dt: Channel | None
    states: tuple[Channel, ...]
    outputs: tuple[Channel, ...]
    layout: str
    errors: tuple[FreeRunError, ...]
    notes: tuple[str, ...]
    blame: Blame | None
    files: dict[str, str]
    version: str
    runtime: int
    structure: str
    made_for: str
    _data: dict[str, Any] = field(repr=False)

    @property
    def state_bits(self) -> int:
        """As `Model.state_bits`."""
        return max(c.bits for c in self.states)

    @property
    def dt_bits(self) -> int:
        """As `Model.dt_bits`."""
        return self.dt.bits if self.dt else 16

    @property
    def float_reading(self) -> dict[str, Any]:
        """How the float network is to be read, as `float_network.to_json` states it; unchecked."""
        return _field(self.path, {"float": {}} | self._data, "float", dict)

    @property
    def counts(self) -> dict[str, str]:
        """The type of each input that is a sensor's raw count, such as uint12, by name."""
        found = _field(self.path, {"counts": {}} | self._data, "counts", dict)
        if not all(isinstance(t, str) and _COUNT.fullmatch(t) for t in found.values()):
            raise _damaged(self.path, "counts are no types of integers")
        return found

    @property
    def period_fixed(self) -> bool:
        """Whether the sample period was fixed at export."""
        return self.float_reading.get("dt") is not None

    @property
    def has_model(self) -> bool:
        """Whether the steps of the model are there, not only its description."""
        return "steps" in self._data

    def model(self) -> Model:
        """The model itself, not yet proved. Raises `ElegansError` if it is damaged or if its
        digest is not the stated one."""
        try:
            model = from_json(self._data)
            digest = model.digest
            require_sound(model)
        except _UNSOUND as error:
            raise self._unreadable(f"is damaged: {error!r:.80}") from None
        if digest != self.digest:
            raise self._unreadable("does not match its own digest")
        return model

    def _unreadable(self, fact: str) -> ElegansError:
        """The error for a model that this elegans does not read as it was written: the fact, or
        that another version wrote it."""
        current = version("elegans")
        if self.version != current:
            other = f"elegans {self.version}" if self.version else "an earlier elegans"
            fact = f"was exported by {other}, whose models elegans {current} cannot use"
        return ElegansError(self.path, fact, _REMEDY)


def load_model(build: Path) -> Model:
    """The model of a BUILD folder, its digest checked and its ranges proved.

    The proof is needed as well: a digest shows that the file is complete, not that the model
    in it is sound. Raises `ElegansError`.
    """
    folder = read_build_folder(build)
    model = folder.model()
    try:
        prove(model)
    except _UNSOUND as error:  # its digest is right, but no export has written it
        raise _damaged(folder.path, f"{error!r:.80}") from None
    return model


def read_build_folder(build: Path) -> BuildFolder:
    """Read and check the `model.json` of a BUILD folder. Raises `ElegansError`, which names
    the file and the field at fault."""
    path = build / "model.json"
    data = _json_object(path)
    name, digest = _field(path, data, "name", str), _field(path, data, "digest", str)
    if not name.isidentifier():
        raise _damaged(path, "name is no C identifier")
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise _damaged(path, "digest is not 64 hexadecimal digits")
    inputs, outputs = (_channels(path, data, key, (16,)) for key in ("inputs", "outputs"))
    states = _channels(path, data, "states", (16, 32))
    if not outputs or not states:
        raise _damaged(path, "it names no outputs or no states")
    layout = _field(path, {"optimise": "speed"} | data, "optimise", str)
    if layout not in LAYOUTS:
        raise _damaged(path, f"{layout!r:.40} is no layout")
    dt = _field(path, data, "dt", object)
    return BuildFolder(
        path=path,
        name=name,
        digest=digest,
        inputs=inputs,
        dt=None if dt is None else _channel(path, dt, "dt", (16, 32)),
        states=states,
        outputs=outputs,
        layout=layout,
        errors=_errors(path, data),
        notes=tuple(str(note) for note in _field(path, {"notes": []} | data, "notes", list)),
        blame=_blame(path, data.get("blame")),
        files=_field(path, {"files": {}} | data, "files", dict),
        version=_field(path, {"version": ""} | data, "version", str),
        runtime=_field(path, {"runtime": 0} | data, "runtime", int),
        structure=_field(path, {"structure": ""} | data, "structure", str),
        made_for=_field(path, {"made_for": ""} | data, "made_for", str),
        _data=data,
    )


def is_build_folder(folder: Path) -> bool:
    """Whether `elegans export` wrote this folder; other programs write a `model.json`, too."""
    try:
        data = _json_object(folder / "model.json")
    except ElegansError:
        return False
    return {"schema", "digest", "steps", "files"} <= data.keys()


def _json_object(path: Path) -> dict[str, Any]:
    absent = "give the folder that `elegans export` wrote"
    inside = path.parent / "export"  # where the demo writes it, beside what it trained
    if os.path.lexists(inside / path.name):
        absent += f", which is {inside}"
    content = read_input(path, MODEL_JSON, _REMEDY, inside=path.parent, absent=absent)
    try:
        data = parse_json(content)
    except ValueError as error:
        raise _damaged(path, f"it is not JSON ({error!s:.80})") from None
    if not isinstance(data, dict):
        raise _damaged(path, "it is not a JSON object")
    return data


def _channels(
    path: Path, data: dict[str, Any], key: str, sizes: tuple[int, ...]
) -> tuple[Channel, ...]:
    items = _field(path, data, key, list)
    return tuple(_channel(path, item, f"{key}[{i}]", sizes) for i, item in enumerate(items))


def _channel(path: Path, item: object, where: str, sizes: tuple[int, ...]) -> Channel:
    """A channel whose integers have one of these numbers of bits; 16 where none is stated."""
    if not isinstance(item, dict):
        raise _damaged(path, f"{where} is not an object")
    name = _field(path, item, "name", str, where)
    frac, lo, hi = (_field(path, item, key, int, where) for key in ("frac", "lo", "hi"))
    bits = _field(path, {"bits": 16} | item, "bits", int, where)
    if bits not in sizes:
        raise _damaged(path, f"{where}.bits is {bits}, not {' or '.join(map(str, sizes))}")
    unit = str(item.get("unit", ""))
    saturates = _field(path, {"saturates": False} | item, "saturates", bool, where)
    try:
        more = affine_fields(item)
        return Channel(name, unit, frac, lo, hi, bits, saturates=saturates, **more)
    except (ValueError, OverflowError) as error:
        raise _damaged(path, f"{where}: {error}") from None


def _errors(path: Path, data: dict[str, Any]) -> tuple[FreeRunError, ...]:
    items = _field(path, {"errors": []} | data, "errors", list)
    return tuple(_error(path, item, f"errors[{index}]") for index, item in enumerate(items))


def _error(path: Path, item: object, where: str) -> FreeRunError:
    if not isinstance(item, dict):
        raise _damaged(path, f"{where} is not an object")
    source, name = (_field(path, item, key, str, where) for key in ("source", "name"))
    worst, rms = (_field(path, item, key, float, where) for key in ("worst", "rms"))
    decisions = item.get("decisions")
    if decisions is not None:
        decisions = _field(path, item, "decisions", float, where)
    return FreeRunError(
        source, _field(path, item, "steps", int, where), worst, rms, name, decisions
    )


def _blame(path: Path, item: object) -> Blame | None:
    if item is None:
        return None
    if not isinstance(item, dict):
        raise _damaged(path, "blame is not an object")
    vector, cause, remedy = (
        _field(path, item, key, str, "blame") for key in ("vector", "cause", "remedy")
    )
    doubling, grown = (
        None if item.get(key) is None else _field(path, item, key, float, "blame")
        for key in ("doubling", "grown")
    )
    share = _field(path, item, "share", float, "blame")
    return Blame(vector, share, cause, remedy, doubling, grown)


def _field(path: Path, item: dict[str, Any], key: str, kind: type[T], where: str = "") -> T:
    """The value of a key, which must be there and of this type; ``where`` is its object."""
    value = item.get(key, _MISSING)
    label = f"{where}.{key}" if where else key
    if value is _MISSING:
        raise _damaged(path, f"{label} is missing")
    if not isinstance(value, kind):
        raise _damaged(path, f"{label} is not of type {kind.__name__}")
    return value


def _damaged(path: Path, fault: str) -> ElegansError:
    return ElegansError(path, f"is damaged: {fault}", _REMEDY)
