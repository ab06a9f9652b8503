"""export_onnx of modules that take images: the step takes their elements in a row."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from elegans.exporter.errors import ElegansError
from elegans.trainer import export_onnx

_SHAPE = (1, 8, 10)


class _Camera(nn.Module):
    """Convolutions on each picture of a sequence [N, T, C, H, W], and a GRU over their results."""

    def __init__(self):
        super().__init__()
        self.eye = nn.Sequential(nn.Conv2d(1, 3, 3, 2), nn.ReLU(), nn.Flatten())
        self.core, self.head = nn.GRU(36, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, pictures):
        seen = self.eye(pictures.flatten(0, 1)).unflatten(0, pictures.shape[:2])
        return self.head(self.core(seen)[0])


class _Step(nn.Module):
    def __init__(self):
        super().__init__()
        self.eye = nn.Sequential(nn.Conv2d(1, 3, 3, 2), nn.ReLU(), nn.Flatten())
        self.core, self.head = nn.GRUCell(36, 5), nn.Linear(5, 2)

    def forward(self, picture, h):
        h = self.core(self.eye(picture), h)
        return self.head(h), h


@pytest.mark.parametrize("kind", [_Camera, _Step])
def test_a_step_takes_the_elements_of_an_image_in_a_row(tmp_path, kind):
    torch.manual_seed(1)
    module = kind().eval()
    path = export_onnx(module, _SHAPE, tmp_path / "camera.onnx", input_ranges=(0, 1))
    step, h = onnxruntime.InferenceSession(str(path)), np.zeros((1, 5), np.float32)
    pictures = torch.rand(1, 4, *_SHAPE)
    with torch.no_grad():
        state, want = torch.zeros(1, 5), []
        for t in range(4):
            if kind is _Camera:
                want.append(module(pictures[:, : t + 1])[0, -1])
            else:
                y, state = module(pictures[:, t], state)
                want.append(y[0])
    for t in range(4):
        x, dt = pictures[:, t].reshape(1, -1).numpy(), np.ones((1, 1), np.float32)
        y, h = step.run(["y", "h_next"], {"x": x, "h": h, "dt": dt})
        np.testing.assert_allclose(y[0], want[t], atol=1e-5)


def test_a_module_is_as_it_was_and_other_shapes_are_refused(tmp_path):
    module = _Step()
    for wrong in ((1, 8), (1, 0, 10), (8,), "8"):
        with pytest.raises(ElegansError):
            export_onnx(module, wrong, tmp_path / "camera.onnx")
    assert not module._forward_pre_hooks
    assert not (tmp_path / "camera.onnx").exists()
