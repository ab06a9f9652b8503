"""Finds the boards that are connected to this machine: debug probes and their serial ports.

A probe and its serial ports belong to one USB device, so they have the same serial number.
pyOCD lists the probes, pyserial the ports.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from elegans.boards.descriptors.board import Board
from elegans.boards.descriptors.descriptor import boards
from elegans.boards.flashing.debug_probe import FlashError, probes


@dataclass(frozen=True)
class Probe:
    """A debug probe; ``target`` is pyOCD's name of the chip, if the probe reports it."""

    id: str
    title: str
    target: str | None = None


@dataclass(frozen=True)
class SerialPort:
    """A serial port of a USB device. ``location`` orders the ports of one device."""

    device: str
    serial_number: str
    location: str = ""


@dataclass(frozen=True)
class ConnectedBoard:
    """A probe, its serial ports, and the names of the boards that have its chip: none, one or
    several."""

    probe: Probe
    ports: tuple[str, ...]
    boards: tuple[str, ...]


def connected_boards() -> list[ConnectedBoard]:
    """The connected boards; none without pyOCD, or without permission to use USB."""
    try:
        found = [_probe(probe) for probe in probes()]
    except FlashError:
        found = []
    return match_ports(found, serial_ports())


def match_ports(found: Iterable[Probe], ports: Iterable[SerialPort]) -> list[ConnectedBoard]:
    """For each probe the ports with its serial number and the real boards with its chip."""
    listed = sorted(ports, key=lambda port: (port.location, port.device))
    chips = {b.name: b.flash.target for b in boards().values() if not b.emulators and b.flash}
    rows = []
    for probe in found:
        own = tuple(p.device for p in listed if _same_serial_number(p.serial_number, probe.id))
        fits = tuple(n for n, target in chips.items() if target and target == probe.target)
        rows.append(ConnectedBoard(probe, own, fits))
    return rows


def find_connected(board: Board, probe: str | None) -> ConnectedBoard:
    """The connected board that is a ``board``; with ``probe``, only on a probe whose id begins
    so. Raises `FlashError` when there is none, or more than one."""
    rows = [row for row in connected_boards() if probe is None or row.probe.id.startswith(probe)]
    certain = [row for row in rows if board.name in row.boards]
    # A probe that does not report its chip may belong to any board: take it if it is the only one.
    chosen = certain or [row for row in rows if not row.boards]
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        remedy = "plug it in; see `elegans boards` and `elegans doctor`"
        raise FlashError(board.name, "no such board is connected", remedy)
    ids = ", ".join(row.probe.id for row in chosen)
    raise FlashError(board.name, f"{len(chosen)} of them are connected: {ids}", "name one: --probe")


def serial_ports() -> list[SerialPort]:
    """The serial ports of this machine whose USB device has a serial number."""
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


def _same_serial_number(usb: str, probe: str) -> bool:
    """Compare serial numbers: J-Links have leading zeros on USB, which pyOCD leaves out."""
    return bool(usb) and usb.lstrip("0").lower() == probe.lstrip("0").lower()
