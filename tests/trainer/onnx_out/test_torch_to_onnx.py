"""What torch cannot translate is told with its place and reason, and with nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from elegans.exporter.errors import ElegansError
from elegans.trainer import export_onnx


class _Branches(torch.nn.Module):
    def forward(self, x: Any, h: Any) -> Any:
        if x.sum() > 0:
            h = h + 1
        return h[:, :1], 0.5 * h + x


class _Decomposes(torch.nn.Module):
    def forward(self, x: Any, h: Any) -> Any:
        return h[:, :1], h + torch.linalg.svdvals(h.view(2, 2)).sum()


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (_Branches, r"test_torch_to_onnx\.py, line 18: the step decides by .*torch\.where"),
        (_Decomposes, r"cannot translate the step: No ONNX function found for .*_linalg_svd"),
    ],
)
def test_an_operation_that_torch_does_not_translate_is_named(
    module: Any, told: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ElegansError, match=told) as raised:
        export_onnx(module(), 4, tmp_path / "net.onnx", state=torch.zeros(1, 4))
    assert "\x1b" not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())
