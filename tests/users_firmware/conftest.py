"""Five networks of five cells, for speed and for size, with weights of 16 and of 8 bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from elegans.exporter.export import Request, export
from elegans.tests.shared import locked
from elegans.tests.users_firmware.project import Project, make_project
from elegans.trainer import export_onnx
from elegans.trainer.cells.cfc import Backbone, CfCCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell, MLPCell
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP

_FIVE: dict[str, tuple[Callable[[], Recurrent], dict[str, Any]]] = {
    "car": (lambda: Recurrent(CfCCell(3, 6, backbone=Backbone(8)), projection=2), {}),
    "arm": (lambda: Recurrent(LTCCell(AutoNCP(6, 1).build(3), unfolds=2)), {"layout": "size"}),
    "leg": (lambda: Recurrent(GRUCell(3, 5), projection=1), {"weight_bits": 8}),
    "eye": (lambda: Recurrent(LSTMCell(3, 20), projection=1), {"layout": "size"}),
    "ear": (lambda: Recurrent(MLPCell(3, 40, [6], 1)), {}),
}


def _export(name: str, folder: Path) -> None:
    make, options = _FIVE[name]
    torch.manual_seed(302)
    net = make()
    source = export_onnx(net, net.input_size, folder / f"{name}.onnx")
    request = Request(source, name, ((-2.0, 2.0),), (0.01, 1.0), accept_error=1.0, **options)
    export(request, folder / name)


@pytest.fixture(scope="session")
def five(shared: Path) -> list[Path]:
    """Their BUILDs, exported once a run. Nobody writes to them."""
    folder = shared / "five"
    with locked(folder):
        if not folder.exists():
            folder.mkdir()
            for name in _FIVE:
                _export(name, folder)
    return [folder / name for name in _FIVE]


@pytest.fixture
def project(five: list[Path], tmp_path: Path) -> Project:
    """All five around one runtime."""
    return make_project(tmp_path / "project", five)
