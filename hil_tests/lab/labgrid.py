"""Boards that hang on other machines, through labgrid: its places are ours while we hold them.

labgrid is spoken to by its own client command. So it may live in an environment of its own
(it brings another pyserial along), and nothing here depends on its insides. A place gives

* one ``NetworkSerialPort``: the board's UART, ``protocol: raw`` or ``rfc2217`` (the default),
* a ``NetworkService`` called ``pyocd``, if the board is to be flashed: there listens
  ``pyocd server --allow-remote``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from elegans.exporter.errors import ElegansError
from elegans.hil_tests.wire.errors import HilError, Phase

_ANSWER_S = 30.0
_SCHEMES = {"raw": "socket", "rfc2217": "rfc2217"}
_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,250}")
COORDINATOR = re.compile(rf"{_ADDRESS.pattern}(:\d{{1,5}})?")


class TakenError(HilError):
    """Somebody else holds the place; it may become free."""


@dataclass(frozen=True)
class PlaceResources:
    """What a place is made of: a URL for pyserial, and pyOCD's id of its probe."""

    port: str
    probe: str | None


def acquire(coordinator: str, place: str) -> tuple[PlaceResources, bool]:
    """The rig of ``place``, held by this user, and whether it was this call that took it.

    A place that its user has acquired by hand is used as it is. Raises `TakenError` while
    somebody else holds it, `HilError` (SYNC) when coordinator or place are not to be had, and
    `ElegansError` when labgrid is not installed or the place lacks a serial port.
    """
    done = _client(coordinator, place, "env")
    took = done.returncode != 0
    if took:
        taking = _client(coordinator, place, "acquire")
        if taking.returncode:
            raise _refused(coordinator, place, taking.stderr)
        done = _client(coordinator, place, "env")
    try:
        if done.returncode:
            raise _refused(coordinator, place, done.stderr)
        return _rig(place, done.stdout), took
    except ElegansError:
        if took:
            release(coordinator, place)
        raise


def release(coordinator: str, place: str) -> None:
    """Give the place back. It is no error if it was taken away meanwhile."""
    _client(coordinator, place, "release")


def _client(coordinator: str, place: str, verb: str) -> subprocess.CompletedProcess[str]:
    beside = Path(sys.executable).with_name("labgrid-client")
    client = str(beside) if beside.exists() else shutil.which("labgrid-client")
    if client is None:
        remedy = "pip install 'elegans[farm]', or labgrid in an environment of its own"
        raise ElegansError("labgrid-client", "is not installed", remedy)
    # What a person's shell says about labgrid concerns that person's other work.
    own = {key: value for key, value in os.environ.items() if not key.startswith("LG_")}
    own |= {key: os.environ[key] for key in ("LG_USERNAME", "LG_HOSTNAME") if key in os.environ}
    command = [client, f"--coordinator={coordinator}", f"--place={place}", verb]
    try:
        return subprocess.run(
            command, env=own, capture_output=True, text=True, timeout=_ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired:
        fact = f"labgrid's coordinator gave no answer in {_ANSWER_S:.0f} s"
        raise HilError(Phase.SYNC, coordinator, fact, "check the address, and the way") from None


def _refused(coordinator: str, place: str, said: str) -> HilError:
    reason = (said.strip().splitlines() or ["no reason given"])[-1]
    reason = reason.removeprefix("labgrid-client: ").removeprefix("Server error: ")
    reason = reason.removeprefix("Error: ")
    if "acquired" in reason:
        return TakenError(Phase.SYNC, place, reason, "wait, or ask its holder")
    if "connect" in reason:
        remedy = "start labgrid-coordinator there, or correct `farm` in the map"
        return HilError(Phase.SYNC, coordinator, reason, remedy)
    remedy = f"see what there is: labgrid-client --coordinator={coordinator} places"
    return HilError(Phase.SYNC, place, reason, remedy)


def _rig(place: str, environment: str) -> PlaceResources:
    """The parts of a place, out of what the client's ``env`` prints; each of them checked."""
    try:
        import yaml
    except ImportError:
        raise ElegansError("PyYAML", "is missing", "pip install 'elegans[farm]'") from None
    try:
        (target,) = yaml.safe_load(environment)["targets"].values()
        parts = [next(iter(part.items())) for part in target["resources"]]
        ports = [dict(given) for kind, given in parts if kind == "NetworkSerialPort"]
        services = [dict(given) for kind, given in parts if kind == "NetworkService"]
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, StopIteration):
        fact = "what labgrid tells of it is not understood"
        raise ElegansError(place, fact, "is this labgrid 26 or newer?") from None
    if len(ports) != 1:
        remedy = "match one NetworkSerialPort, the board's UART: labgrid-client add-match"
        raise ElegansError(place, f"has {len(ports)} serial ports", remedy)
    scheme = _SCHEMES.get(str(ports[0].get("protocol", "rfc2217")))
    if scheme is None:
        fact = f"its serial port speaks {ports[0]['protocol']!r}"
        raise ElegansError(place, fact, f"the protocols are: {', '.join(_SCHEMES)}")
    port = f"{scheme}://{_address(place, ports[0], 'host')}"
    probes = [service for service in services if service.get("name") == "pyocd"]
    probe = f"remote:{_address(place, probes[0], 'address')}" if probes else None
    return PlaceResources(port, probe)


def _address(place: str, given: Mapping[str, object], key: str) -> str:
    host, port = given.get(key), given.get("port")
    if not isinstance(host, str) or not _ADDRESS.fullmatch(host):
        raise ElegansError(place, f"{key} = {host!r} is no host", "correct the exporter's file")
    if not isinstance(port, int) or not 0 < port < 1 << 16:
        raise ElegansError(place, f"port = {port!r} is none", "correct the exporter's file")
    return f"{host}:{port}"
