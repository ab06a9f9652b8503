"""The server of `elegans drive`: who is let in, who drives, and what a page may send."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the extra live is not installed")
pytest.importorskip("httpx", reason="starlette's test client needs it")

from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from elegans.exporter.errors import ElegansError
from elegans.viewer.live import server
from elegans.viewer.live.hub import MOST_BYTES, MOST_VIEWERS, Hub
from elegans.viewer.live.live_board import LOST, Health, LiveStep

_TOKEN, _PORT = "the-token", 8123
_HOST = f"127.0.0.1:{_PORT}"
_OWN = {"host": _HOST, "origin": f"http://{_HOST}"}
_PATH = f"/{_TOKEN}/board"


class Counter:
    """A board whose state counts its steps; `held` keeps it busy until it is set."""

    def __init__(self) -> None:
        self.h = np.zeros(3, np.int16)
        self.held = threading.Event()
        self.held.set()

    def step(self, x, dt):
        assert self.held.wait(10)
        before, self.h = self.h, self.h + 1
        return LiveStep(before, np.array([x.sum() + dt]), self.h, 0.002)

    def reset(self):
        self.h = np.zeros(3, np.int16)

    def check(self):
        pass

    def health(self):
        return Health("up", "a board", 7, 2, 1)


@pytest.fixture
def board():
    return Counter()


@pytest.fixture
def tell():
    return []


@pytest.fixture
def client(board, tell):
    with ThreadPoolExecutor(1) as executor:
        hub = Hub(board, 2, 16, executor)
        app = server.application("<p>the page</p>", _TOKEN, _PORT, hub, tell.append)
        with TestClient(app, base_url=f"http://{_HOST}") as client:
            yield client


def _connect(client, path=_PATH, headers=_OWN):
    return client.websocket_connect(path, headers=headers)


def _take(socket, kind):
    """The next message of a kind."""
    while True:
        message = socket.receive_json()
        if message["type"] == kind:
            return message


def _step(k=1, x=(1, 2), dt=5, **more):
    return {"type": "step", "k": k, "x": list(x), "dt": dt, "picture": {}} | more


def test_the_page_is_served_at_its_token_to_this_machine(client):
    answer = client.get(f"/{_TOKEN}/")
    assert answer.status_code == 200
    assert "the page" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    assert client.get(f"/{_TOKEN}/", headers={"host": f"localhost:{_PORT}"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/another/", {}),
        (f"/{_TOKEN}x/", {}),
        ("/t\u00f6ken/", {}),
        (f"/{_TOKEN}/", {"host": "evil.example"}),
        (f"/{_TOKEN}/", {"host": f"evil.example:{_PORT}"}),
        (f"/{_TOKEN}/", {"host": "127.0.0.1:1"}),
        (f"/{_TOKEN}/", {"origin": "https://evil.example"}),
    ],
)
def test_whoever_has_another_token_name_or_origin_finds_nothing(client, path, headers):
    assert client.get(path, headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/wrong/board", _OWN),
        (_PATH, _OWN | {"origin": "https://evil.example"}),
        (_PATH, _OWN | {"origin": f"https://{_HOST}"}),
        (_PATH, _OWN | {"origin": "null"}),
        (_PATH, {"host": _HOST}),
        (_PATH, _OWN | {"host": "evil.example"}),
    ],
)
def test_whoever_has_another_token_name_or_origin_gets_no_socket(client, path, headers):
    with pytest.raises(WebSocketDisconnect), _connect(client, path, headers) as socket:
        socket.receive_json()


def test_a_token_is_never_the_same_twice():
    tokens = {server.new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 22


def test_the_listener_is_of_this_machine_alone():
    with server.listener() as own:
        assert own.getsockname()[0] == "127.0.0.1"


def test_a_step_goes_to_the_board_and_its_answer_to_everybody(client):
    with _connect(client) as driver, _connect(client) as watcher:
        assert _take(driver, "role") == {"type": "role", "driver": True, "viewers": 1}
        assert _take(driver, "link")["resent"] == 2
        driver.send_json(_step(k=4, picture={"t": 1}))
        for socket in (driver, watcher):
            found = _take(socket, "step")
            assert (found["y"], found["before"], found["h"]) == ([8], [0, 0, 0], [1, 1, 1])
            assert (found["k"], found["picture"], found["latency"]) == (4, {"t": 1}, 2.0)
        driver.send_json({"type": "reset"})
        driver.send_json(_step(k=5))
        assert _take(watcher, "step")["h"] == [1, 1, 1]


def test_only_one_drives_and_the_next_one_takes_over(client, board):
    with _connect(client) as first, _connect(client) as second:
        assert _take(second, "role") == {"type": "role", "driver": False, "viewers": 2}
        second.send_json(_step(k=9))
        first.send_json(_step(k=1))
        assert _take(second, "step")["k"] == 1
        assert board.h.tolist() == [1, 1, 1]
        first.close()
        assert _take(second, "role") == {"type": "role", "driver": True, "viewers": 1}
        second.send_json(_step(k=2))
        assert _take(second, "step")["k"] == 2


@pytest.mark.parametrize(
    "message",
    [
        "no JSON",
        "[" * 9000,
        "[]",
        '{"type": "flash"}',
        '{"type": "step"}',
        _step(x=[1]),
        _step(x=[1, 2.5]),
        _step(x=[1, True]),
        _step(x=[1, 40000]),
        _step(dt=1 << 15),
        _step(dt=None),
        _step(k="1"),
        _step(picture=[]),
        _step(picture={"text": "x" * MOST_BYTES}),
    ],
    ids=str,
)
def test_a_viewer_that_sends_what_no_page_sends_is_closed(client, board, message):
    with _connect(client) as socket:
        if isinstance(message, str):
            socket.send_text(message)
        else:
            socket.send_json(message)
        with pytest.raises(WebSocketDisconnect) as closed:
            _take(socket, "step")
        assert closed.value.code == 1008
    assert board.h.tolist() == [0, 0, 0]
    with _connect(client) as socket:  # the others are served as before
        socket.send_json(_step())
        assert _take(socket, "step")["h"] == [1, 1, 1]


def test_steps_that_nobody_can_do_in_time_are_not_kept_without_end(client, board):
    board.held.clear()
    with _connect(client) as socket:
        for k in range(200):
            socket.send_json(_step(k=k))
        with pytest.raises(WebSocketDisconnect) as closed:
            _take(socket, "step")
        assert closed.value.code == 1008
        board.held.set()


def test_no_more_pages_are_served_than_can_be(client):
    sockets = [_connect(client) for _ in range(MOST_VIEWERS)]
    for socket in sockets:
        _take(socket.__enter__(), "role")
    with _connect(client) as more, pytest.raises(WebSocketDisconnect) as closed:
        more.receive_json()
    assert closed.value.code == 1013
    for socket in sockets:
        socket.__exit__(None, None, None)


def test_everybody_is_told_that_the_board_is_lost(client, tell):
    with _connect(client) as socket:
        _take(socket, "link")
        tell[0](Health(LOST, "the cable is out", lost=1))
        assert _take(socket, "link")["text"] == "the cable is out"


def test_what_nobody_has_foreseen_is_told(client, board, monkeypatch):
    monkeypatch.setattr(board, "step", lambda x, dt: 1 // 0)
    with _connect(client) as socket:
        _take(socket, "link")
        socket.send_json(_step())
        assert "ZeroDivisionError" in _take(socket, "link")["text"]


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(server, "_REQUIRED", ("no_such_package",))
    with pytest.raises(ElegansError, match=r"pip install 'elegans\[live\]'"):
        server.require_packages()
