"""The line's rate, raised as far as board, port and cable carry it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from elegans.hil_tests.link.link import Link
from elegans.hil_tests.link.send_window import Pace
from elegans.hil_tests.wire.errors import HilError
from elegans.hil_tests.wire.frames import Kind
from elegans.hil_tests.wire.messages import Hello, baud_request

RATES = (3_000_000, 2_000_000, 1_000_000, 921_600, 460_800, 230_400)
"""What is tried, bits a second."""

_PROBES = 32
"""Handshakes that a new rate has to carry without a flaw."""


def hasten(link: Link, rates: Iterable[int] = RATES) -> int:
    """Raise the line's rate to the first of ``rates`` that works, and return it.

    A rate works when the board's clock and the port can make it, and when it carries
    `_PROBES` handshakes without a flaw. Otherwise all stays as it was, as it does on a bare
    TCP connection, whose far end cannot be told.
    """
    if link.port.fixed:
        return link.port.baud
    for rate in rates:
        if rate > link.port.baud and _works(link, rate):
            return rate
    return link.port.baud


def examine_line(port: str, baud: int) -> Iterator[str]:
    """Who is behind a port, how fast the line is, and how soon the board answers.

    Raises `HilError` (SYNC) when nobody is, saying whether anything came at all.
    """
    with Link.open(port, baud) as link:
        hello = link.hello()
        yield f"{port}: board {hello.board}, last reset: {hello.reset}"
        yield f"model {hello.model_digest.hex()}, firmware {hello.firmware_digest.hex()}"
        yield f"frames of {hello.max_frame} bytes, credit {hello.credit} bytes"
        yield f"answers at {baud} baud; the fastest rate that works is {hasten(link)}"
        trips = []
        for nonce in range(_PROBES):
            began = time.perf_counter()
            link.request(Kind.HELLO, Hello.request(nonce))
            trips.append(time.perf_counter() - began)
        usual = sorted(trips)[_PROBES // 2]
        lost = f"{link.resent} requests repeated, {link.decoder.dropped.total()} frames damaged"
        yield f"round trip {usual * 1e3:.1f} ms, {lost}"
        link.reset()  # and so back to the rate that others expect


def _works(link: Link, rate: int) -> bool:
    before = link.port.baud
    try:
        link.port.baud = rate  # whether the port can at all, before the board is asked
        link.port.baud = before
        link.request(Kind.BAUD, baud_request(rate))
    except HilError:
        link.port.baud = before
        return False
    link.port.baud = rate
    if _flawless(link):
        return True
    link.port.baud = before
    link.hello()
    return False


def _flawless(link: Link) -> bool:
    """Whether every one of some handshakes comes through whole, at the first attempt."""
    before = link.resent + link.decoder.dropped.total()
    try:
        for nonce in range(_PROBES):
            # Each with a fresh pace, and so with patience: to be slow is no flaw.
            link.request(Kind.HELLO, Hello.request(nonce), Pace())
            if link.resent + link.decoder.dropped.total() > before:
                return False
    except HilError:
        return False
    return True
