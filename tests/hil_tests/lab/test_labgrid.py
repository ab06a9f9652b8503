"""Answers of labgrid-client and what is made of them; a script takes the client's place."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from elegans.exporter.errors import ElegansError
from elegans.hil_tests.lab import labgrid
from elegans.hil_tests.lab.lab_map import read_map
from elegans.hil_tests.wire.errors import HilError, Phase

_CLIENT = """#!{python}
import pathlib, sys
here = pathlib.Path(__file__).parent
verb = sys.argv[-1]
with (here / "calls").open("a") as calls:
    print(*sys.argv[1:], file=calls)
answer = here / f"{{verb}}-{{(here / 'calls').read_text().count(' ' + verb)}}"
if not answer.exists():
    answer = here / verb
if answer.exists():
    print(answer.read_text())
else:
    sys.exit(f"labgrid-client: Error: cannot {{verb}}")
"""

_UART = "- NetworkSerialPort: {host: lab.example, port: 4001, protocol: raw}\n"


def _env(*resources: str) -> str:
    indented = "".join("    " + line for line in resources)
    return f"targets:\n  desk:\n    resources:\n{indented}"


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    script = tmp_path / "labgrid-client"
    script.write_text(_CLIENT.format(python=Path(sys.base_prefix) / "bin" / "python3"))
    script.chmod(0o755)
    (tmp_path / "release").touch()
    return tmp_path


def verbs_called(client: Path) -> list[str]:
    return [line.split()[-1] for line in (client / "calls").read_text().splitlines()]


def test_acquire_gives_the_port_for_pyserial_and_the_probe_for_pyocd(client):
    (client / "acquire").touch()
    service = "- NetworkService: {address: lab.example, port: 5555, username: '', name: pyocd}\n"
    (client / "env-2").write_text(_env(_UART, service))
    resources, newly_acquired = labgrid.acquire("lab.example:20408", "desk")
    assert resources == labgrid.PlaceResources(
        "socket://lab.example:4001", "remote:lab.example:5555"
    )
    assert newly_acquired
    assert verbs_called(client) == ["env", "acquire", "env"]
    assert "--coordinator=lab.example:20408 --place=desk" in (client / "calls").read_text()


def test_a_place_that_is_held_already_is_not_acquired_again(client):
    (client / "env").write_text(_env(_UART.replace("raw", "rfc2217")))
    assert labgrid.acquire("lab", "desk") == (
        labgrid.PlaceResources("rfc2217://lab.example:4001", None),
        False,
    )
    assert verbs_called(client) == ["env"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is not understood"),
        ("targets: {}", "is not understood"),
        ("targets: [1, 2]", "is not understood"),
        ("!!python/object/apply:os.system ['true']", "is not understood"),
        (_env("- NetworkSerialPort: 7\n"), "is not understood"),
        (_env("- USBDebugger: {}\n"), "has 0 serial ports"),
        (_env(_UART, _UART), "has 2 serial ports"),
        (_env(_UART.replace("raw", "morse")), "its serial port speaks 'morse'"),
        (_env(_UART.replace("lab.example", "'a b/c'")), "host = 'a b/c' is no host"),
        (_env(_UART.replace("lab.example", "'-oProxyCommand'")), "is no host"),
        (_env(_UART.replace("4001", "99999")), "port = 99999 is none"),
        (_env(_UART.replace("4001", "null")), "port = None is none"),
    ],
)
def test_an_invalid_answer_is_refused_and_the_place_released(client, text, complaint):
    (client / "acquire").touch()
    (client / "env-2").write_text(text)
    with pytest.raises(ElegansError, match=re.escape(complaint)):
        labgrid.acquire("lab.example", "desk")
    assert verbs_called(client)[-1] == "release"


def test_waiting_for_the_client_has_a_time_limit(client, monkeypatch):
    monkeypatch.setattr(labgrid, "_ANSWER_S", 0.3)
    script = client / "labgrid-client"
    script.write_text(script.read_text().replace("import pathlib", "import time; time.sleep(9)\n#"))
    with pytest.raises(HilError, match="gave no answer") as failure:
        labgrid.acquire("lab.example", "desk")
    assert failure.value.phase is Phase.SYNC


def test_without_labgrid_the_error_says_how_to_install_it(client):
    (client / "labgrid-client").unlink()
    with pytest.raises(ElegansError, match=r"elegans\[farm\]"):
        labgrid.acquire("lab.example", "desk")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('farm = "-x"', "farm = '-x' is no coordinator"),
        ('farm = "lab:what"', "is no coordinator"),
        ('farm = "lab"\nport = "/dev/ttyACM0"', "has farm and port"),
        ('farm = "lab"\nemulator = "qemu"', "has farm and emulator"),
    ],
)
def test_a_wrong_farm_on_a_map_is_refused(tmp_path, line, complaint):
    lab = tmp_path / "lab.toml"
    lab.write_text(f'[[board]]\nname = "desk"\nboard = "microbit"\n{line}\n')
    with pytest.raises(ElegansError, match=re.escape(complaint)):
        read_map(lab)
