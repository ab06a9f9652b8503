"""The line's rate, raised as far as board, port and cable carry it."""

from __future__ import annotations

from collections.abc import Iterable

from elegans.hil_tests.errors import HilError
from elegans.hil_tests.link import Link
from elegans.hil_tests.messages import Hello, baud_request
from elegans.hil_tests.protocol import Kind

RATES = (3_000_000, 2_000_000, 1_000_000, 921_600, 460_800, 230_400)
"""What is tried, bits a second."""

_PROBES = 32
"""Handshakes that a new rate has to carry without a flaw."""


def hasten(link: Link, rates: Iterable[int] = RATES) -> int:
    """Raise the line's rate to the first of ``rates`` that works, and return it.

    A rate works when the board's clock and the port can make it, and when it carries
    `_PROBES` handshakes without a flaw. Otherwise all stays as it was.
    """
    for rate in rates:
        if rate > link.port.baud and _works(link, rate):
            return rate
    return link.port.baud


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
    flaws = link.resent + link.decoder.dropped.total()
    try:
        for _ in link.exchange(Kind.HELLO, map(Hello.request, range(_PROBES))):
            pass
        if flaws == link.resent + link.decoder.dropped.total():
            return True
    except HilError:
        pass  # it does not work: go back
    link.port.baud = before
    link.hello()
    return False
