"""What is inspected: a BUILD with its float network, and a recording that runs through both."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from elegans.exporter.atoms.images.image import Image
from elegans.exporter.build_folder import BuildFolder, load_model, read_build_folder
from elegans.exporter.data.user_data import read_user_data
from elegans.exporter.errors import ElegansError
from elegans.exporter.float_network import FILE as FLOAT_FILE
from elegans.exporter.float_network import read_float_network
from elegans.exporter.frontend.import_graph import read_network
from elegans.exporter.ir import real_network
from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.ir.proof import prove
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Integers, Interval, Reals
from elegans.exporter.oracles import reference
from elegans.exporter.oracles.free_run import elapsed_times
from elegans.exporter.oracles.golden_vectors import RANDOM, RECORDED
from elegans.exporter.storage.npz_arrays import InputArrays
from elegans.exporter.storage.read_files import ARRAYS_FILE, read_input
from elegans.viewer.analysis.circuit import Circuit, circuit_of
from elegans.viewer.analysis.nodes import Nodes, find_nodes

MOST_STEPS = 400
"""Of a recording that are looked at; the page says how many there are."""
_FEWER, _MANY = 200, 64  # steps for more states than so many
_REMEDY = "run `elegans export` again"
_PLAIN_RUN = 41  # of the random golden runs: one in which inputs hold for 25 steps


@dataclass(frozen=True, eq=False)
class Inspected:
    """A model, its float network and circuit, and one run of the integers from its first state.

    bounds       of every vector of the model
    timed        the float network as it is with elapsed time, where the export has fixed it
    source       where the recording is from, for people
    of_steps     how many steps the whole recording has, of which T are taken
    x, dt        [T, I] and [T]: integers as the device receives them
    h, y         [T + 1, H] states, the first before the first step, and [T, O]: the device's
    changes      sentences about values of the recording that were put right
    rest         [I] the mean of each input, as the device's integers
    """

    folder: BuildFolder
    model: Model
    bounds: dict[str, Interval]
    network: Network
    timed: Network
    nodes: Nodes
    circuit: Circuit
    source: str
    of_steps: int
    x: Integers
    dt: Integers
    h: Integers
    y: Integers
    rest: Integers
    changes: tuple[str, ...]

    @property
    def real_x(self) -> Reals:
        """[T, I] in the inputs' units."""
        return to_real(self.x, self.model.inputs)

    @property
    def real_dt(self) -> Reals:
        """[T] elapsed times; the fixed period where the model takes none, or one."""
        if self.model.dt is not None:
            return elapsed_times(self.dt, self.model)
        return np.full(len(self.dt), self.network.interface.dt_fixed or 1.0)

    @property
    def real_h(self) -> Reals:
        """[T + 1, H] states."""
        return to_real(self.h, self.model.states)

    @property
    def real_y(self) -> Reals:
        """[T, O] outputs."""
        return to_real(self.y, self.model.outputs)

    @property
    def real_rest(self) -> Reals:
        """[I] the inputs' means."""
        return to_real(self.rest, self.model.inputs)

    def vectors(self, network: Network | None = None) -> dict[str, Reals]:
        """All vectors of the float network at each step, [T, ...], from the device's states;
        `network` may be `timed`."""
        x, dt, h = self.real_x, self.real_dt[:, None], self.real_h[:-1]
        return real_network.step(network or self.network, x, dt, h)[2]


def read_subject(build: Path, recording: Path | None, clip: bool = False) -> Inspected:
    """A BUILD and a recording as `elegans run` takes it, or else its golden vectors.

    Raises `ElegansError` for a folder that is no complete BUILD, for a network of images, and for
    a recording that the model does not take.
    """
    folder, model = read_build_folder(build), load_model(build)
    truth = read_float_network(folder)
    network = timed = truth.network
    if any(isinstance(atom, Image) for atom in network.atoms.values()):
        raise ElegansError(
            model.name,
            "looks at images, and this page draws only neurons",
            "report.txt in the BUILD has the ranges and errors, elegans compare and elegans bench "
            "the rest",
        )
    if network.interface.dt_fixed is not None:
        timed = read_network(truth.graph, replace(network.interface, dt_fixed=None))
    changes: tuple[str, ...] = ()
    if recording is None:
        source, x, dt, h0 = _golden(folder, model)
    else:
        data = read_user_data(recording, model, folder.period_fixed, clip)
        steps = int(data.lengths[0])
        x, dt, h0 = data.x[0, :steps], data.dt[0, :steps], data.h0[0]
        changes = data.changes
        source = f"{recording.name}, {data.names[0]}" if data.several else recording.name
    of_steps = len(x)
    most = MOST_STEPS if len(model.states) <= _MANY else _FEWER
    x, dt = x[:most], dt[:most]
    run = reference.run(model, x, dt, h0)
    rest = to_integers(to_real(x, model.inputs).mean(axis=0), model.inputs)
    nodes = find_nodes(network)
    real_dt = elapsed_times(dt, model) if model.dt else np.ones(1)
    circuit = circuit_of(network, float(real_dt.mean()), nodes)
    h = np.concatenate([run.h, run.h_next[-1:]])
    return Inspected(
        folder,
        model,
        prove(model),
        network,
        timed,
        nodes,
        circuit,
        source,
        of_steps,
        x,
        dt,
        h,
        run.y,
        rest,
        changes,
    )


def _golden(folder: BuildFolder, model: Model) -> tuple[str, Integers, Integers, Integers]:
    """A run among the golden vectors: the first recorded one, or else a random one."""
    arrays = _vectors(folder)
    section = arrays["section"]
    wanted = RECORDED if np.any(section == RECORDED) else RANDOM
    rows = np.flatnonzero(section == wanted)
    x, dt, h, h_next = (arrays[name][rows].astype(np.int64) for name in ("x", "dt", "h", "h_next"))
    breaks = np.flatnonzero(np.any(h[1:] != h_next[:-1], axis=1)) + 1
    starts = [0, *breaks.tolist(), len(rows)]
    chosen = 0 if wanted == RECORDED else min(_PLAIN_RUN, len(starts) - 2)
    part = np.s_[starts[chosen] : starts[chosen + 1]]
    source = "recording of the export" if wanted == RECORDED else "random golden vectors"
    return source, x[part], dt[part], h[part][0]


def _vectors(folder: BuildFolder) -> dict[str, Any]:
    """The golden vectors of a BUILD, their checksum and shapes checked."""
    path = folder.path.parent / "vectors.npz"
    content = read_input(path, ARRAYS_FILE, _REMEDY, inside=path.parent)
    stated = folder.files.get(path.name)
    if stated is not None and hashlib.sha256(content).hexdigest() != stated:
        raise ElegansError(path, "has not the digest that model.json states", _REMEDY)
    arrays = InputArrays(path, content, _REMEDY)
    sizes = {
        "x": (len(folder.inputs),),
        "dt": (),
        "h": (len(folder.states),),
        "h_next": (len(folder.states),),
        "section": (),
    }
    found = {name: arrays[name] for name in sizes if name in arrays}
    count = len(found["x"]) if "x" in found and found["x"].ndim else 0
    wrong = [n for n, size in sizes.items() if n not in found or found[n].shape != (count, *size)]
    if wrong or not np.any(np.isin(found["section"], (RANDOM, RECORDED))):
        fact = f"has no sound array {wrong[0]}" if wrong else "holds no run"
        raise ElegansError(path, fact, _REMEDY)
    return found


def provenance(subject: Inspected) -> list[tuple[str, str]]:
    """Where the model and the recording are from, in words: (what, which)."""
    folder, model = subject.folder, subject.model
    asked = folder.float_reading
    rows = [
        ("model", folder.name),
        ("digest of the integers (SHA-256)", folder.digest),
        ("float network, float.onnx (SHA-256)", folder.files.get(FLOAT_FILE, "not stated")),
        ("exported by", f"elegans {folder.version}" if folder.version else "an earlier elegans"),
        ("layout of the C", folder.layout),
        ("states", f"{len(model.states)}, in {model.state_bits} bits"),
        ("elapsed time", _time_told(subject)),
        ("recording", f"{subject.source}, {len(subject.x):,} of {subject.of_steps:,} steps"),
        ("recording (SHA-256 of its integers)", _digest(subject)),
    ]
    if asked.get("elapsed"):
        rows.append(("its port in the graph", str(asked["elapsed"])))
    return rows + [("note", note) for note in (*subject.changes, *folder.notes)]


def _time_told(subject: Inspected) -> str:
    channel, fixed = subject.model.dt, subject.network.interface.dt_fixed
    if channel is not None:
        lo, hi = channel.range
        return f"{lo:g} to {hi:g} {channel.unit}".strip()
    return "not read" if fixed is None else f"always {fixed:g}"


def _digest(subject: Inspected) -> str:
    content = subject.x.astype("<i8").tobytes() + subject.dt.astype("<i8").tobytes()
    return hashlib.sha256(content).hexdigest()
