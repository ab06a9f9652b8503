"""Which boards hang on this machine: debug probes, and the serial ports that belong to them.

A probe and its port are two faces of one USB device, so they have one serial number. pyOCD
knows no ports, and pyserial no probes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from elegans.boards.descriptors.descriptor import Board, boards
from elegans.boards.flashing.debug_probe import FlashError, probes


@dataclass(frozen=True)
class Probe:
    """A debug probe; ``target`` is pyOCD's name of the chip, where the probe tells it."""

    id: str
    title: str
    target: str | None = None


@dataclass(frozen=True)
class SerialPort:
    """A serial port of a USB device. ``location`` orders several of one device."""

    device: str
    serial_number: str
    location: str = ""


@dataclass(frozen=True)
class Connected:
    """A probe with its ports, and the boards that it may be: several share a chip, or none."""

    probe: Probe
    ports: tuple[str, ...]
    boards: tuple[str, ...]


def connected() -> list[Connected]:
    """What is plugged in. Without pyOCD, or the right to use USB, nothing is found."""
    try:
        found = [_probe(probe) for probe in probes()]
    except FlashError:
        found = []
    return match(found, serial_ports())


def match(found: Iterable[Probe], ports: Iterable[SerialPort]) -> list[Connected]:
    """Probes with the ports of the same serial number, and the boards of the same chip."""
    listed = sorted(ports, key=lambda port: (port.location, port.device))
    chips = {b.name: b.flash.target for b in boards().values() if not b.emulators and b.flash}
    rows = []
    for probe in found:
        own = tuple(p.device for p in listed if _same(p.serial_number, probe.id))
        fits = tuple(n for n, target in chips.items() if target and target == probe.target)
        rows.append(Connected(probe, own, fits))
    return rows


def find(board: Board, probe: str | None) -> Connected:
    """The one connected board that is ``board``, or hangs on ``probe``.

    Raises `FlashError` when there is none, or more than one.
    """
    rows = [row for row in connected() if probe is None or row.probe.id.startswith(probe)]
    certain = [row for row in rows if board.name in row.boards]
    # A probe that does not tell its chip may be any board's: it is taken if it is the only one.
    chosen = certain or [row for row in rows if not row.boards]
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        remedy = (
            "plug it in; `elegans boards` lists what is found, `elegans doctor` what is missing"
        )
        raise FlashError(board.name, "no such board is connected", remedy)
    ids = ", ".join(row.probe.id for row in chosen)
    raise FlashError(board.name, f"there are {len(chosen)} of them: {ids}", "name one: --probe")


def serial_ports() -> list[SerialPort]:
    """The serial ports of this machine that tell a serial number."""
    from serial.tools.list_ports import comports

    return [
        SerialPort(port.device, port.serial_number, port.location or "")
        for port in comports()
        if port.serial_number
    ]


def _probe(probe: object) -> Probe:
    info = getattr(probe, "associated_board_info", None)
    target = getattr(info, "target", None)
    name = getattr(info, "name", None) or getattr(probe, "description", "debug probe")
    return Probe(str(getattr(probe, "unique_id", "")), str(name), target)


def _same(usb: str, probe: str) -> bool:
    """J-Links fill their number up with zeros on USB, and pyOCD does not."""
    return bool(usb) and usb.lstrip("0").lower() == probe.lstrip("0").lower()
