"""The viewers of a drive: one of them drives, the others watch; and the board that all see."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from elegans.viewer.live.live_board import ClosedError, Health, LiveBoard

MOST_VIEWERS = 8
MOST_BYTES = 16384
"""Of a message."""
_QUEUED = 64  # messages for one viewer, and steps for the board
_IDLE_S = 1.0  # without a step, after which the board is asked whether it is there

Send = Callable[[str], Coroutine[Any, Any, None]]


class BadRequestError(Exception):
    """A viewer sent what no page sends."""


@dataclass(eq=False)
class Viewer:
    """A page that is open, and the messages that wait to be sent to it."""

    send: Send
    waiting: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(_QUEUED))

    def put(self, text: str) -> None:
        """Send a message later; the oldest is dropped if the page does not keep up."""
        if self.waiting.full():
            self.waiting.get_nowait()
        self.waiting.put_nowait(text)


class Hub:
    """Who views, who drives, and the steps that wait for the board.

    inputs, dt_bits  of the model: how many there are, and the size of elapsed time
    executor         the one thread in which the board is used
    """

    def __init__(self, board: LiveBoard, inputs: int, dt_bits: int, executor: Executor) -> None:
        self._board, self._inputs, self._executor = board, inputs, executor
        self._most_dt = 1 << (dt_bits - 1)
        self._viewers: list[Viewer] = []
        self._work: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_QUEUED)

    @property
    def full(self) -> bool:
        """Whether nobody else may join."""
        return len(self._viewers) >= MOST_VIEWERS

    async def view(self, viewer: Viewer, receive: Callable[[], Coroutine[Any, Any, str]]) -> None:
        """Serve a page until it is closed. Raises `BadRequestError`."""
        self._viewers.append(viewer)
        self._tell_roles()
        viewer.put(_message("link", **asdict(self._board.health())))
        sending = asyncio.create_task(_send_all(viewer))
        try:
            while True:
                self._take(viewer, await receive())
        finally:
            sending.cancel()
            self._viewers.remove(viewer)
            self._tell_roles()

    async def run(self) -> None:
        """Do the steps, one after the other, until the task is cancelled or the board is closed."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ClosedError):
            while True:
                try:
                    async with asyncio.timeout(_IDLE_S):
                        request = await self._work.get()
                except TimeoutError:
                    await loop.run_in_executor(self._executor, self._board.check)
                    continue
                if request["type"] == "reset":
                    await loop.run_in_executor(self._executor, self._board.reset)
                    continue
                x, dt = np.array(request["x"], np.int16), request["dt"]
                step = await loop.run_in_executor(self._executor, self._board.step, x, dt)
                self._broadcast(
                    "step",
                    k=request["k"],
                    x=request["x"],
                    dt=dt,
                    before=step.before.tolist(),
                    y=step.y.tolist(),
                    h=step.h.tolist(),
                    latency=round(1e3 * step.latency, 3),
                    picture=request["picture"],
                )
                if request["k"] % 10 == 0:
                    self.tell(self._board.health())

    def tell(self, health: Health) -> None:
        """Send the state of the link to everybody."""
        self._broadcast("link", **asdict(health))

    def _take(self, viewer: Viewer, text: str) -> None:
        """A message of a viewer. What a watcher sends is not done."""
        request = self._parsed(text)
        if viewer is not self._viewers[0]:
            return
        if self._work.full():
            raise BadRequestError("more steps wait than a page sends")
        self._work.put_nowait(request)

    def _parsed(self, text: str) -> dict[str, Any]:
        if len(text) > MOST_BYTES:
            raise BadRequestError("a message is too long")
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            raise BadRequestError("a message is no JSON") from None
        if not isinstance(request, dict) or request.get("type") not in ("step", "reset"):
            raise BadRequestError("a message asks for nothing that there is")
        if request["type"] == "reset":
            return {"type": "reset"}
        x, dt, k, picture = (request.get(key) for key in ("x", "dt", "k", "picture"))
        if not (isinstance(x, list) and len(x) == self._inputs):
            raise BadRequestError("a step has not the model's inputs")
        if not all(_is_integer(value, 1 << 15) for value in x):
            raise BadRequestError("an input is no int16")
        if not (_is_integer(dt, self._most_dt) and _is_integer(k, 1 << 53)):
            raise BadRequestError("a step has no elapsed time or no number")
        if not isinstance(picture, dict):
            raise BadRequestError("a step has no picture")
        return {"type": "step", "x": x, "dt": dt, "k": k, "picture": picture}

    def _tell_roles(self) -> None:
        for viewer in self._viewers:
            driver = viewer is self._viewers[0]
            viewer.put(_message("role", driver=driver, viewers=len(self._viewers)))

    def _broadcast(self, kind: str, **fields: Any) -> None:
        text = _message(kind, **fields)
        for viewer in self._viewers:
            viewer.put(text)


def _is_integer(value: object, most: int) -> bool:
    """Whether a value of JSON is an integer in -most..most - 1."""
    return type(value) is int and -most <= value < most


def _message(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields}, separators=(",", ":"))


async def _send_all(viewer: Viewer) -> None:
    while True:
        await viewer.send(await viewer.waiting.get())
