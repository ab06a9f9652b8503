"""What this user may do on this machine: write a cache, open serial ports, reach debug probes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from elegans.boards.finding import Finding
from elegans.boards.firmware import compiler_cache
from elegans.exporter.errors import ElegansError

_PORTS = ("ttyACM*", "ttyUSB*")
_GROUPS = ("dialout", "uucp")  # of serial ports: Debian and Fedora have the first, Arch the other
_RULES = ("/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d")
# The makers of debug probes by their USB numbers: ST, Arm's DAPLink, SEGGER, Raspberry Pi.
_PROBES = ("0483", "0d28", "1366", "2e8a", "cmsis-dap")


def permissions() -> list[Finding]:
    """A finding for the cache of the compiler and, on Linux, for serial ports and debug probes."""
    found = [_cache()]
    if sys.platform == "linux":
        found += [serial_ports(Path("/dev"), Path("/etc/group")), udev_rules(map(Path, _RULES))]
    return found


def _cache() -> Finding:
    purpose = "keeps what zig has compiled"
    try:
        folder, own = compiler_cache.cache_folder()
    except ElegansError as error:
        return Finding("cache", f"{purpose}: {error.fact}", True, None, error.remedy)
    if own:
        return Finding("cache", purpose, True, str(folder), "")
    fact = f"{purpose}: HOME is not set or cannot be written, {folder} is used"
    return Finding("cache", fact, False, None, compiler_cache.REMEDY)


def serial_ports(devices: Path, groups: Path) -> Finding:
    """Whether this user may open the serial ports that are there, or those that may come."""
    name, purpose = "serial ports", "opens boards"
    ports = sorted(port for pattern in _PORTS for port in devices.glob(pattern))
    closed = [port for port in ports if not os.access(port, os.R_OK | os.W_OK)]
    numbers = _groups(groups)
    group = next((group for group in _GROUPS if group in numbers), _GROUPS[0])
    remedy = f"sudo usermod -aG {group} $USER, then log in again"
    if closed:
        return Finding(name, f"{closed[0]} cannot be opened", False, None, remedy)
    if ports or not hasattr(os, "geteuid") or os.geteuid() == 0:
        detail = " ".join(map(str, ports)) or "none is plugged in"
        return Finding(name, purpose, False, detail, "")
    if numbers.get(group) in (os.getgid(), *os.getgroups()):
        return Finding(name, purpose, False, f"group {group}; none is plugged in", "")
    return Finding(name, f"{purpose}; you are not in the group {group}", False, None, remedy)


def _groups(path: Path) -> dict[str, int]:
    """The numbers of the groups of this machine, by name."""
    try:
        rows = [line.split(":") for line in path.read_text(errors="replace").splitlines()]
    except OSError:
        return {}
    return {row[0]: int(row[2]) for row in rows if len(row) > 2 and row[2].isdigit()}


def udev_rules(folders: Iterable[Path]) -> Finding:
    """Whether a udev rule lets users other than root reach a debug probe by USB."""
    name = "udev rules"
    for folder in folders:
        for path in sorted(folder.glob("*.rules")) if folder.is_dir() else []:
            if _is_of_a_probe(path):
                return Finding(name, "", False, path.name, "")
    remedy = "copy those of https://github.com/pyocd/pyOCD/tree/main/udev to /etc/udev/rules.d"
    return Finding(name, "let you use debug probes without root", False, None, remedy)


def _is_of_a_probe(path: Path) -> bool:
    """Whether these rules grant access to a probe of a known maker."""
    try:
        lines = path.read_text(errors="replace").lower().splitlines()
    except OSError:
        return False
    granting = [line for line in lines if "mode" in line or "uaccess" in line]
    return any(number in line for line in granting for number in _PROBES)
