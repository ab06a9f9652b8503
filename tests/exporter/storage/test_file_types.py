"""Files of other kinds than ONNX are named for what they are, whatever their names say."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile

import numpy as np
import onnx
import pytest

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import open_graph
from elegans.exporter.storage.file_types import recognised
from elegans.tests.places import WORM


def _zip(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, bytes(10))
    return file.getvalue()


def _npz():
    file = io.BytesIO()
    np.savez(file, x=np.zeros(3))
    return file.getvalue()


_HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
_KINDS = {
    "PyTorch checkpoint.*load_ncps": _zip("archive/data.pkl", "archive/data/0"),
    "PyTorch checkpoint.*export_onnx": b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M",
    r"TorchScript.*torch\.jit\.load": _zip("m/data.pkl", "m/constants.pkl", "m/code/a.py"),
    r"torch\.export program|program of torch\.export": _zip("m/archive_format", "m/byteorder"),
    "safetensors.*load_ncps": len(_HEADER).to_bytes(8, "little") + _HEADER + bytes(4),
    "Python pickle.*loads none": pickle.dumps({"a": 1}),
    "Keras model.*format='onnx'": _zip("metadata.json", "config.json", "model.weights.h5"),
    "HDF5.*tf2onnx.convert --keras": b"\x89HDF\r\n\x1a\n" + bytes(99),
    "TensorFlow Lite.*tf2onnx.convert --tflite": b"\x1c\0\0\0TFL3" + bytes(99),
    "SavedModel.*--saved-model": b"\x08\x01\x12\x14\x2a\x0fserving_default" + bytes(3),
    r"own format \(.ort\)": b"\x1c\0\0\0ORTM" + bytes(99),
    "zip archive.*ONNX file that is in it": _zip("model.onnx"),
    "packed with gzip.*gzip -d": gzip.compress(b"model"),
    "web page.*/resolve/": b"\n\n<!DOCTYPE HTML>\n<html lang='en'>",
    "git-lfs pointer.*git lfs pull": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
    "JSON": b'{"format": "layers-model"}',
    "NumPy arrays": _npz(),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(99),
    "MATLAB file.*exportONNXNetwork": b"MATLAB 5.0 MAT-file, Platform: posix" + bytes(99),
    "is a text": b"import torch\n",
    "is empty": b"",
}


@pytest.mark.parametrize("match", _KINDS)
def test_a_file_is_named_for_what_it_is_with_the_way_to_onnx(tmp_path, match):
    path = tmp_path / "model.onnx"
    path.write_bytes(_KINDS[match])
    with pytest.raises(ElegansError, match=match):
        open_graph(path)


@pytest.mark.filterwarnings("ignore:The onnxtxt format")
@pytest.mark.parametrize("kind", ["json", "onnxtxt", "textproto"])
def test_an_onnx_file_as_text_is_told_with_the_line_that_translates_it(tmp_path, kind):
    path = tmp_path / "model.onnx"
    onnx.save(onnx.load(WORM), path, kind)
    with pytest.raises(ElegansError, match=f"ONNX model as .*onnx.load.*'{kind}'"):
        open_graph(path)
    nodes = [
        [node.op_type for node in m.graph.node] for m in (onnx.load(path, kind), onnx.load(WORM))
    ]
    assert nodes[0] == nodes[1]


def test_the_folder_of_a_saved_model(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(ElegansError, match=rf"SavedModel.*--saved-model {tmp_path} "):
        open_graph(tmp_path)


def test_an_onnx_file_of_any_name_is_not_taken_for_another():
    assert recognised(WORM.read_bytes()) is None


def test_real_checkpoints_of_torch(tmp_path):
    torch = pytest.importorskip("torch")
    net, path = torch.nn.Linear(2, 1), tmp_path / "model.onnx"
    for old in (False, True):
        torch.save(net.state_dict(), path, _use_new_zipfile_serialization=not old)
        with pytest.raises(ElegansError, match="PyTorch checkpoint"):
            open_graph(path)
