"""Raise the baud rate to the highest that board, port and cable support."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from elegans.hil_tests.link.link import Link
from elegans.hil_tests.link.send_window import RoundTripTime
from elegans.hil_tests.wire.errors import HilError
from elegans.hil_tests.wire.frames import Kind
from elegans.hil_tests.wire.messages import Hello, baud_request

RATES = (3_000_000, 2_000_000, 1_000_000, 921_600, 460_800, 230_400)
"""The rates that are tried, in bits a second, the highest first."""

_PROBES = 32
"""Handshakes that must succeed at a new rate without a damaged or lost frame."""


def raise_rate(link: Link, rates: Iterable[int] = RATES) -> int:
    """Raise the baud rate to the first of ``rates`` that works; return the rate in bits a second.

    A rate works if port and board support it and `_PROBES` handshakes succeed at it without a
    damaged or lost frame. If none works, the rate stays as it was. It also stays on a plain TCP
    connection, which cannot transmit it.
    """
    if link.port.rate_is_fixed:
        return link.port.baud
    for rate in rates:
        if rate > link.port.baud and _try_rate(link, rate):
            return rate
    return link.port.baud


def examine_line(port: str, baud: int) -> Iterator[str]:
    """Lines of text about the board at ``port``, its fastest baud rate and its round-trip time.

    The board is reset at the end. Raises `HilError` (SYNC) if no board answers at ``baud``;
    the error says whether any byte arrived.
    """
    with Link.open(port, baud) as link:
        hello = link.hello()
        yield f"{port}: board {hello.board}, last reset: {hello.reset}"
        yield f"model {hello.model_digest.hex()}, firmware {hello.firmware_digest.hex()}"
        yield f"frames of {hello.max_frame} bytes, credit {hello.credit} bytes"
        yield f"answers at {baud} baud; the fastest rate that works is {raise_rate(link)}"
        round_trips = []
        for nonce in range(_PROBES):
            began = time.perf_counter()
            link.request(Kind.HELLO, Hello.request(nonce))
            round_trips.append(time.perf_counter() - began)
        median = sorted(round_trips)[_PROBES // 2]
        faults = f"{link.resent} requests repeated, {link.decoder.dropped.total()} frames damaged"
        yield f"round trip {median * 1e3:.1f} ms, {faults}"
        link.reset()  # returns to the rate that other hosts expect


def _try_rate(link: Link, rate: int) -> bool:
    """Change to ``rate``; if it does not work, change back and return False."""
    before = link.port.baud
    try:
        link.port.baud = rate  # fails if the port does not support it
        link.port.baud = before
        link.request(Kind.BAUD, baud_request(rate))
    except HilError:
        link.port.baud = before
        return False
    link.port.baud = rate
    if _is_reliable(link):
        return True
    link.port.baud = before
    link.hello()
    return False


def _is_reliable(link: Link) -> bool:
    """Whether `_PROBES` handshakes all succeed at the first attempt."""
    before = link.resent + link.decoder.dropped.total()
    try:
        for nonce in range(_PROBES):
            # A new round-trip time for each gives a long timeout: a slow answer is no fault.
            link.request(Kind.HELLO, Hello.request(nonce), RoundTripTime())
            if link.resent + link.decoder.dropped.total() > before:
                return False
    except HilError:
        return False
    return True
