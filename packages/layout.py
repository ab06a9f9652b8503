"""The files of a package: the same parts for every ecosystem, in its own folders."""

from __future__ import annotations

import io
import math
import re
import zipfile
from importlib.metadata import version
from typing import Any

from elegans.exporter.delivery.runtime_files import runtime_version
from elegans.exporter.errors import WrongUseError
from elegans.exporter.ir.fixed_model import Channel
from elegans.exporter.ir.vector_names import pixel_runs
from elegans.exporter.templates import FIRMWARE, environment
from elegans.packages.ecosystem import Ecosystem, Files
from elegans.packages.sbom import FILE as SBOM
from elegans.packages.sbom import sbom
from elegans.packages.selftest import selftest
from elegans.packages.source import RUNTIME, PackageSource, licence, whole_runtime

RENAME = "export the model under another one: elegans export ... --name NAME"
"""What to do about a name that cannot be a package's."""

_TEMPLATES = FIRMWARE / "packages"
_PERIOD_MS = 100  # of the examples, where the elapsed time has no unit that is a time
_MILLISECONDS = {"us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6}


def package_files(source: PackageSource, ecosystem: Ecosystem) -> Files:
    """The files of a model's package and of its runtime, by path below the ecosystem's folder.

    Raises `ElegansError` if a compiler is missing that the ecosystem needs, and if a file of the
    model would be called as one of the package.
    """
    context = _context(source)
    names = {key: context[key] for key in ("name", "version", "runtime_version")}
    files = _model(source, ecosystem) | _runtime(source, ecosystem)
    roots = {"package": source.name, "runtime": ecosystem.runtime.format(**names)}
    for suffix, place in ((".h", ecosystem.headers), (".c", ecosystem.sources)):
        path = f"{place}/{{name}}_selftest{suffix}".format(**names)
        files[path] = _render(f"packages/common/NAME_selftest{suffix}.j2", context)
    context["runtime_files"] = _below(files, roots["runtime"])
    units = _below(files, ecosystem.sources.format(**names))
    context["units"] = [path for path in units if path.endswith(".c")]
    for part, root in roots.items():
        below = _TEMPLATES / ecosystem.name / part
        for template in sorted(below.rglob("*.j2")):
            path = template.relative_to(below).as_posix().removesuffix(".j2")
            target = f"{root}/{path}".replace("NAME", source.name)
            if target in files:
                fact = f"is what a file of a package for {ecosystem.title} is called"
                raise WrongUseError(source.name, fact, RENAME)
            files[target] = _render(template.relative_to(FIRMWARE).as_posix(), context)
    files = ecosystem.compiled(source, files)
    files[f"{source.name}/{SBOM}"] = sbom(source, ecosystem)
    for folder, archive in ecosystem.archives:
        files = _archived(files, folder.format(**names), archive.format(**names))
    return files


def _model(source: PackageSource, ecosystem: Ecosystem) -> Files:
    """The model's own files, and the kernels that it needs where the runtime is no library."""
    headers, sources = (p.format(name=source.name) for p in (ecosystem.headers, ecosystem.sources))
    files = {
        f"{headers if name.endswith(('.h', '.hpp')) else sources}/{name}": text
        for name, text in source.code.items()
    }
    if not ecosystem.runtime:
        files |= {f"{sources}/{path}": text for path, text in source.used.items()}
    files |= {f"{source.name}/blocks/{name}": block for name, block in source.blocks.items()}
    return files | {f"{source.name}/LICENSE": licence()}


def _runtime(source: PackageSource, ecosystem: Ecosystem) -> Files:
    """The whole runtime as a library of its own, where it is one."""
    if not ecosystem.runtime:
        return {}
    root = ecosystem.runtime.format(name=source.name)
    places = {"include": ecosystem.runtime_headers, "src": ecosystem.runtime_sources}
    files = {f"{root}/LICENSE": licence()}
    for path, text in whole_runtime().items():
        _, first, rest = path.split("/", 2)
        files[f"{root}/{places[first]}/{rest}"] = text
    return files


def _archived(files: Files, folder: str, archive: str) -> Files:
    """The files with those of a folder in a zip file, which has the same bytes every time."""
    inside = _below(files, folder)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for path in inside:
            entry = zipfile.ZipInfo(path)  # of 1980, the earliest date that a zip file has
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            target.writestr(entry, files[f"{folder}/{path}"])
    kept = {path: text for path, text in files.items() if not path.startswith(f"{folder}/")}
    return kept | {archive: buffer.getvalue()}


def _below(files: Files, folder: str) -> list[str]:
    """The paths of the files of a folder, relative to it."""
    start = f"{folder}/"
    return sorted(path.removeprefix(start) for path in files if path.startswith(start))


def _render(template: str, context: dict[str, Any]) -> bytes:
    return environment().get_template(template).render(context).encode()


def _context(source: PackageSource) -> dict[str, Any]:
    """What the templates of every ecosystem print."""
    model = source.model
    elapsed = _elapsed(model.dt) if model.dt else None
    return {
        "name": source.name,
        "NAME": source.name.upper(),
        "version": source.version,
        "elegans": version("elegans"),
        "runtime": RUNTIME,
        "runtime_version": f"{runtime_version()}.0.0",
        "digest": source.build.digest,
        "licence": licence().decode().rstrip(),
        "seconds": _seconds(source, elapsed),
        "selftest": selftest(source),
        "integers": len(model.outputs) + len(model.states),
        "states_count": len(model.states),
        "state_bits": model.state_bits,
        "state_bytes": _state_bytes(source),
        "images": b" image;" in source.code[f"{source.name}.h"],
        "inputs": [_signal(source.name, "X", c) for c in model.inputs],
        "input_runs": [_run(source.name, run) for run in pixel_runs(model.inputs)],
        "outputs": [_signal(source.name, "Y", c) for c in model.outputs],
        "dt": elapsed,
        "period_ms": (elapsed or {}).get("ms") or _PERIOD_MS,
        "headers": sorted(n for n in source.code if n.endswith((".h", ".hpp"))),
        "clock": f"{source.name}_clock.h" in source.code,
        "block": bool(source.blocks),
        "blocks": ", ".join(f"`{path}`" for path in source.blocks),
        "assembly": any(name.endswith(".S") for name in source.code),
    }


def _state_bytes(source: PackageSource) -> int:
    """The size of a state: of the arrays in the model's header, the inputs and states and maybe
    images, each a whole number of words."""
    found = re.findall(rb"int16_t v\[(\d+)\];", source.code[f"{source.name}.h"])
    assert found
    return 2 * sum(map(int, found))


def _signal(name: str, kind: str, channel: Channel) -> dict[str, Any]:
    """An input or output as the examples use it."""
    lo, hi = channel.range
    return {
        "name": channel.name,
        "macro": f"{name.upper()}_{kind}_{channel.name.upper()}",
        "unit": channel.unit,
        "range": f"{lo:g} to {hi:g} {channel.unit}".rstrip(),
        "lo": channel.lo,
        "hi": channel.hi,
        "frac": channel.frac,
        "start": repr(min(max(0.0, lo), hi)),
        "offset": repr(float(channel.offset)),
        "scale": repr(channel.scale * 2.0**-channel.frac),
    }


def _run(name: str, run: tuple[Channel, ...]) -> dict[str, Any]:
    """An input as texts name it; pixels, which are alike, together."""
    found = _signal(name, "X", run[0])
    if len(run) == 1:
        return found
    pixels = f"{run[0].name} to {run[-1].name}"
    return found | {"name": pixels, "macro": f"{found['macro']} + i"}


def _elapsed(channel: Channel) -> dict[str, Any]:
    """The sample period of the examples: the middle of the range of elapsed time."""
    middle = (channel.lo + channel.hi) // 2
    value = math.ldexp(middle, -channel.frac)
    in_ms = _MILLISECONDS.get(channel.unit)
    return {
        "integer": middle,
        "bits": channel.bits,
        "frac": channel.frac,
        "scale": repr(2.0**-channel.frac),
        "unit": channel.unit,
        "short": f"{value:.4g}",
        "value": f"{value:.4g} {channel.unit}".rstrip(),
        "range": f"{channel.range[0]:g} to {channel.range[1]:g} {channel.unit}".rstrip(),
        "lo": channel.lo,
        "hi": channel.hi,
        "ms": None if in_ms is None else max(1, round(value * in_ms)),
    }


def _seconds(source: PackageSource, elapsed: dict[str, Any] | None) -> dict[str, float]:
    """For simulators: the seconds of a unit of elapsed time, of a usual step, and of a hundred. A
    unit that is no time counts as a second."""
    if elapsed is None:
        fixed = float(source.build.float_reading.get("dt") or 1.0)
        return {"unit": 1.0, "fixed": fixed, "period": fixed, "stop": 100 * fixed}
    unit = _MILLISECONDS.get(elapsed["unit"], 1e3) / 1e3
    period = float(elapsed["short"]) * unit
    return {"unit": unit, "fixed": 0.0, "period": period, "stop": 100 * period}
