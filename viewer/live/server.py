"""The server of `elegans drive`: the page, and a WebSocket through which it uses the board.

It listens on this machine alone. An address has a random token; requests from other origins, or
under another name than this machine's, are refused, so no page of the web can reach the board.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from elegans.exporter.errors import ElegansError
from elegans.viewer.live.hub import MOST_BYTES, BadRequestError, Hub, Viewer
from elegans.viewer.live.live_board import LOST, Health, LiveBoard

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

_REQUIRED = ("starlette", "uvicorn", "websockets")
_HOST = "127.0.0.1"
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_BAD, _FULL = 1008, 1013  # of a WebSocket that is closed (RFC 6455, section 7.4)


def require_packages() -> None:
    """Raise `ElegansError` for the first package of the extra `live` that is missing."""
    for module in _REQUIRED:
        if importlib.util.find_spec(module) is None:
            raise ElegansError("drive", f"{module} is missing", "pip install 'elegans[live]'")


def new_token() -> str:
    """A token that nobody guesses: 128 random bits."""
    return secrets.token_urlsafe(16)


def socket_path(token: str) -> str:
    """The path of the WebSocket."""
    return f"/{token}/board"


def application(
    html: str, token: str, port: int, hub: Hub, tell: Callable[[Callable[[Health], None]], None]
) -> Starlette:
    """The server's application.

    html   the page
    port   at which it is served, which the names of this machine must have
    tell   is given the function that takes the board's `Health`, of any thread, to the viewers
    """
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse, PlainTextResponse
    from starlette.routing import Route, WebSocketRoute

    hosts = {f"{name}:{port}" for name in (_HOST, "localhost")}
    origins = {f"http://{host}" for host in hosts}

    def known(asked: Request | WebSocket) -> bool:
        given = asked.path_params["token"]
        same = secrets.compare_digest(given.encode(), token.encode())
        return same and asked.headers.get("host") in hosts

    async def show(request: Request) -> Response:
        origin = request.headers.get("origin")
        if not known(request) or origin not in {None, *origins}:
            return PlainTextResponse("not found\n", 404, _HEADERS)
        return HTMLResponse(html, headers=_HEADERS)

    async def connect(asked: WebSocket) -> None:
        if not known(asked) or asked.headers.get("origin") not in origins:
            await asked.close(_BAD)  # before it is accepted: the answer is 403
            return
        await asked.accept()
        if hub.full:
            await asked.close(_FULL, "too many pages are open")
            return
        await _serve(hub, asked)

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()

        def told(health: Health) -> None:
            loop.call_soon_threadsafe(hub.tell, health)

        def ended(work: asyncio.Task[None]) -> None:
            error = None if work.cancelled() else work.exception()
            if error is not None:  # nobody has foreseen it: say so, in the page and here
                hub.tell(Health(LOST, f"elegans has a bug: {error!r:.200}"))
                loop.call_exception_handler({"message": "elegans drive", "exception": error})

        tell(told)
        work = asyncio.create_task(hub.run())
        work.add_done_callback(ended)
        try:
            yield
        finally:
            work.cancel()

    routes = [Route("/{token}/", show), WebSocketRoute("/{token}/board", connect)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _serve(hub: Hub, asked: WebSocket) -> None:
    from starlette.websockets import WebSocketDisconnect

    try:
        await hub.view(Viewer(asked.send_text), asked.receive_text)
    except BadRequestError as error:
        await asked.close(_BAD, str(error))
    except (WebSocketDisconnect, KeyError):  # KeyError: the message was bytes, not text
        return


def listener() -> socket.socket:
    """A socket of this machine alone, at a free port."""
    found = socket.socket()
    found.bind((_HOST, 0))
    return found


def serve(
    board: LiveBoard,
    executor: ThreadPoolExecutor,
    html: str,
    token: str,
    own: socket.socket,
    inputs: int,
    dt_bits: int,
    tell: Callable[[Callable[[Health], None]], None],
) -> None:
    """Serve the page until Ctrl-C. `own` is the `listener`; for the others see `application`."""
    import uvicorn

    port = own.getsockname()[1]
    hub = Hub(board, inputs, dt_bits, executor)
    app = application(html, token, port, hub, tell)
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_max_size=MOST_BYTES,
        log_level="warning",
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[own])
    sys.stderr.flush()
