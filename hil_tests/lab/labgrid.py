"""Boards connected to other machines: acquires and releases the places of a labgrid farm.

labgrid is used through its command ``labgrid-client`` only. So it may be installed in an
environment of its own (it installs another pyserial), and nothing here depends on its internals. A
place must have the resource

* ``NetworkSerialPort``, exactly one: the board's UART, with ``protocol: raw`` or ``rfc2217`` (the
  default),

and, if the board is to be flashed,

* a ``NetworkService`` named ``pyocd``: the address where ``pyocd server --allow-remote`` runs.
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
    """Another user has acquired the place; it may become free."""


@dataclass(frozen=True)
class PlaceResources:
    """The resources of a place: a URL for pyserial, and the id of its probe for pyOCD, if any."""

    port: str
    probe: str | None


def acquire(coordinator: str, place: str) -> tuple[PlaceResources, bool]:
    """Acquire ``place`` unless this user holds it already; returns its resources.

    The second value is True if this call acquired it; a place that its user has acquired by
    hand is used as it is. Raises `TakenError` while another user holds it, `HilError` (SYNC) if
    the coordinator or the place cannot be reached, and `ElegansError` if labgrid is not
    installed or the resources are not as this module needs them.
    """
    done = _client(coordinator, place, "env")  # fails unless this user holds the place
    newly_acquired = done.returncode != 0
    if newly_acquired:
        acquired = _client(coordinator, place, "acquire")
        if acquired.returncode:
            raise _refused(coordinator, place, acquired.stderr)
        done = _client(coordinator, place, "env")
    try:
        if done.returncode:
            raise _refused(coordinator, place, done.stderr)
        return _resources(place, done.stdout), newly_acquired
    except ElegansError:
        if newly_acquired:
            release(coordinator, place)
        raise


def release(coordinator: str, place: str) -> None:
    """Release the place. It is no error if this user does not hold it any more."""
    _client(coordinator, place, "release")


def _client(coordinator: str, place: str, verb: str) -> subprocess.CompletedProcess[str]:
    """Run labgrid-client, for `_ANSWER_S` seconds at most."""
    beside = Path(sys.executable).with_name("labgrid-client")
    client = str(beside) if beside.exists() else shutil.which("labgrid-client")
    if client is None:
        remedy = "pip install 'elegans[farm]', or labgrid in an environment of its own"
        raise ElegansError("labgrid-client", "is not installed", remedy)
    # The user's own labgrid settings are for other work, but for user and host name.
    own = {key: value for key, value in os.environ.items() if not key.startswith("LG_")}
    own |= {key: os.environ[key] for key in ("LG_USERNAME", "LG_HOSTNAME") if key in os.environ}
    command = [client, f"--coordinator={coordinator}", f"--place={place}", verb]
    try:
        return subprocess.run(
            command, env=own, capture_output=True, text=True, timeout=_ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired:
        fact = f"labgrid's coordinator gave no answer in {_ANSWER_S:.0f} s"
        raise HilError(Phase.SYNC, coordinator, fact, "check the address and the network") from None


def _refused(coordinator: str, place: str, output: str) -> HilError:
    """The error for what labgrid-client printed when it failed."""
    reason = (output.strip().splitlines() or ["no reason given"])[-1]
    reason = reason.removeprefix("labgrid-client: ").removeprefix("Server error: ")
    reason = reason.removeprefix("Error: ")
    if "acquired" in reason:
        return TakenError(Phase.SYNC, place, reason, "wait, or ask its user")
    if "connect" in reason:
        remedy = "start labgrid-coordinator there, or correct `farm` in the map"
        return HilError(Phase.SYNC, coordinator, reason, remedy)
    remedy = f"see what there is: labgrid-client --coordinator={coordinator} places"
    return HilError(Phase.SYNC, place, reason, remedy)


def _resources(place: str, environment: str) -> PlaceResources:
    """Read and check the resources in the YAML that ``labgrid-client env`` prints."""
    try:
        import yaml
    except ImportError:
        raise ElegansError("PyYAML", "is missing", "pip install 'elegans[farm]'") from None
    try:
        (target,) = yaml.safe_load(environment)["targets"].values()
        resources = [next(iter(item.items())) for item in target["resources"]]
        ports = [dict(keys) for kind, keys in resources if kind == "NetworkSerialPort"]
        services = [dict(keys) for kind, keys in resources if kind == "NetworkService"]
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, StopIteration):
        fact = "the answer of labgrid-client about it is not understood"
        raise ElegansError(place, fact, "use labgrid 26 or newer") from None
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


def _address(place: str, resource: Mapping[str, object], key: str) -> str:
    """HOST:PORT of a resource; ``key`` is where it states the host."""
    host, port = resource.get(key), resource.get("port")
    if not isinstance(host, str) or not _ADDRESS.fullmatch(host):
        raise ElegansError(place, f"{key} = {host!r} is no host", "correct the exporter's file")
    if not isinstance(port, int) or not 0 < port < 1 << 16:
        raise ElegansError(place, f"port = {port!r} is none", "correct the exporter's file")
    return f"{host}:{port}"
