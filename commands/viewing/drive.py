"""`elegans drive`: the page drive.html, its circuit on a board."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from elegans.commands.edge import say
from elegans.exporter.build_folder import load_model
from elegans.hil_tests.session.session import BoardOptions, session
from elegans.viewer.live import server
from elegans.viewer.live.live_board import Health, LiveBoard
from elegans.viewer.pages.drive import Served, drive_page, require_lane


def drive(build: Path, board: str, options: BoardOptions) -> None:
    """Connect the board, serve the page and print its address, until Ctrl-C.

    Raises `ElegansError` for another network than the lane's, for a package that is missing, and as
    `session` does if the board cannot be reached at the start.
    """
    server.require_packages()
    model = load_model(build)
    require_lane(build, model)
    listeners: list[Callable[[Health], None]] = []

    def told(health: Health) -> None:
        say(f"board {health.state}: {health.text}", err=True)
        for listener in listeners:
            listener(health)

    live = LiveBoard(lambda: session(build, board, options), told)
    token = server.new_token()
    with ThreadPoolExecutor(1) as executor, server.listener() as own:
        try:
            executor.submit(live.__enter__).result()
            host, port = own.getsockname()
            html = drive_page(build, Served(live.name, port, server.socket_path(token)))
            say(f"http://{host}:{port}/{token}/")
            say("open this address in a browser of this machine; Ctrl-C ends it", err=True)
            server.serve(
                live, executor, html, token, own, len(model.inputs), model.dt_bits, listeners.append
            )
        finally:
            live.close()
            executor.submit(live.__exit__).result()
