"""What a file is by its first bytes, whatever its name says, and how its network becomes ONNX.

People hand over the file that they have: a checkpoint, a Keras model, a page that a download gave
instead of the file. `recognised` looks at a few kilobytes, and opens, unpacks and runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

_ENDS = 1 << 16  # bytes at either end of a file that are searched; an archive's list is at its end
_TORCH_MAGIC = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # the number that torch.save wrote before 1.6
_TEXT_START = 512  # bytes that tell a text
_LONGEST_HEADER = 100 << 20  # bytes of a safetensors header, by its definition


@dataclass(frozen=True)
class FileType:
    """A kind of file that is no ONNX file.

    fact    what it is, after `is `
    remedy  the way from it to an ONNX file; {path} stands for the file's path, {folder} for that
            of its folder
    """

    fact: str
    remedy: str


_EXPORT = "elegans.trainer.export_onnx(net, inputs, 'model.onnx')"
_WEIGHTS = (
    "of ncps, net = elegans.trainer.load_ncps({path!r}) makes the module that they belong to; make "
    f"any other yourself, and load them into it; then {_EXPORT}"
)
_TF2ONNX = "pip install tf2onnx, then run python -m tf2onnx.convert --{} --output model.onnx"
_UNPACK = "unpack it, and give the ONNX file that is in it"

_TORCH = FileType("a PyTorch checkpoint: weights, without the step that reads them", _WEIGHTS)
_TORCHSCRIPT = FileType(
    "a TorchScript program",
    f"run {_EXPORT} on the module that it was made of; if that is lost, torch.onnx.export("
    "torch.jit.load({path!r}), example_inputs, 'model.onnx', dynamo=False) translates one step",
)
_TORCH_PROGRAM = FileType(
    "a program of torch.export",
    "torch.onnx.export(torch.export.load({path!r}), dynamo=True).save('model.onnx') translates "
    f"one step; or run {_EXPORT} on the module that it was made of",
)
_SAFETENSORS = FileType("a safetensors file: weights, without the step that reads them", _WEIGHTS)
_PICKLE = FileType(
    "a Python pickle, which can run any program when it is loaded; elegans loads none",
    f"where it was made, export the network in it: {_EXPORT}",
)
_KERAS = FileType(
    "a Keras model",
    "keras.saving.load_model({path!r}).export('model.onnx', format='onnx') writes it as ONNX",
)
_HDF5 = FileType(
    "an HDF5 file, as Keras writes models and weights", _TF2ONNX.format("keras {path}")
)
_TFLITE = FileType("a TensorFlow Lite model", _TF2ONNX.format("tflite {path}"))
_SAVED_MODEL = FileType("a TensorFlow SavedModel", _TF2ONNX.format("saved-model {folder}"))
_FROZEN = FileType("a frozen TensorFlow graph", _TF2ONNX.format("graphdef {path}"))
_CORE_ML = FileType(
    "a Core ML model", "nothing leads back from it: export the network that it was made of to ONNX"
)
_ORT = FileType(
    "a model in onnxruntime's own format (.ort)", "give the .onnx file that it was made of"
)
_ZIP = FileType("a zip archive", _UNPACK)
_PAGE = FileType(
    "a web page, not a model",
    "download the file itself: the link of a repository's page often ends in /blob/, that of the "
    "file in /raw/ or /resolve/",
)
_LFS = FileType(
    "a git-lfs pointer, which stands for a file that was not downloaded", "run git lfs pull"
)
_JSON = FileType("a JSON document", "give the ONNX file of one step of the network")
_ONNX_JSON, _ONNX_TEXT, _ONNX_PROTO = (
    FileType(
        f"an ONNX model as {what}", f"onnx.save(onnx.load({{path!r}}, {kind!r}), 'model.onnx')"
    )
    for what, kind in (("JSON", "json"), ("text", "onnxtxt"), ("protobuf text", "textproto"))
)
_XML = FileType(
    "an XML document, as OpenVINO writes networks", "give the ONNX file that it was made of"
)
_ARRAYS = FileType("NumPy arrays", "give the ONNX file of one step of the network")
_TEXT = FileType("a text, not a model", "give the ONNX file of one step of the network")
_EMPTY = FileType("empty", "export the model again, or download it again")

_MAGIC: tuple[tuple[int, bytes, FileType], ...] = (
    (0, b"\x89HDF\r\n\x1a\n", _HDF5),
    (4, b"TFL3", _TFLITE),
    (4, b"ORTM", _ORT),
    (0, b"\x93NUMPY", _ARRAYS),
    (0, b"version https://git-lfs", _LFS),
    (0, b"\x89PNG", FileType("a picture", "give the ONNX file of one step of the network")),
    (0, b"MATLAB", FileType("a MATLAB file", "exportONNXNetwork(net, 'model.onnx') in MATLAB")),
    (0, b"GGUF", FileType("a GGUF model", "export one step of the network to ONNX")),
    (0, b"\x1f\x8b", FileType("packed with gzip", "gunzip it: gzip -d {path}")),
    (0, b"BZh", FileType("packed with bzip2", "unpack it: bzip2 -d {path}")),
    (0, b"\xfd7zXZ\0", FileType("packed with xz", "unpack it: xz -d {path}")),
    (0, b"\x28\xb5\x2f\xfd", FileType("packed with zstd", "unpack it: zstd -d {path}")),
    (0, b"7z\xbc\xaf\x27\x1c", FileType("a 7z archive", _UNPACK)),
    (0, b"Rar!\x1a", FileType("a rar archive", _UNPACK)),
    (257, b"ustar", FileType("a tar archive", _UNPACK)),
)
# Names in a zip archive, of which the first that is there says what it is.
_IN_ZIP: tuple[tuple[bytes, FileType], ...] = (
    (b"constants.pkl", _TORCHSCRIPT),
    (b"archive_format", _TORCH_PROGRAM),
    (b"serialized_exported_program.json", _TORCH_PROGRAM),
    (b"data.pkl", _TORCH),
    (b"model.weights.h5", _KERAS),
    (b"com.apple.CoreML", _CORE_ML),
    (b"saved_model.pb", _SAVED_MODEL),
    (b".npy", _ARRAYS),
)
# Words in a protobuf message that is no ONNX file.
_IN_MESSAGE: tuple[tuple[bytes, FileType], ...] = (
    (b"serving_default", _SAVED_MODEL),
    (b"saved_model_main_op", _SAVED_MODEL),
    (b"__saved_model_init_op", _SAVED_MODEL),
    (b"com.github.apple.coremltools", _CORE_ML),
    (b"Placeholder", _FROZEN),
)
# The same in texts that are ONNX files.
_IN_TEXT: tuple[tuple[bytes, FileType], ...] = (
    (b'"irVersion"', _ONNX_JSON),
    (b'"ir_version"', _ONNX_JSON),
    (b"opset_import {", _ONNX_PROTO),
    (b"opset_import: [", _ONNX_TEXT),
)
_TEXTS: tuple[tuple[bytes, FileType], ...] = (
    (b"<!doctype html", _PAGE),
    (b"<html", _PAGE),
    (b"<?xml", _XML),
    (b"<net ", _XML),
    (b"{", _JSON),
    (b"[", _JSON),
)


def recognised(data: bytes) -> FileType | None:
    """What a file with the content `data` is, if its first bytes say that it is no ONNX file."""
    if not data:
        return _EMPTY
    for at, magic, found in _MAGIC:
        if data[at : at + len(magic)] == magic:
            return found
    if data.startswith(b"PK\x03\x04"):
        return _first(_IN_ZIP, data) or _ZIP
    if data[:1] == b"\x80" and 2 <= (data + b"\0")[1] <= 5:
        return _TORCH if data[2 : 2 + len(_TORCH_MAGIC)] == _TORCH_MAGIC else _PICKLE
    if _is_safetensors(data):
        return _SAFETENSORS
    start = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    is_text = all(byte >= 32 or byte in b"\t\r\n" for byte in data[:_TEXT_START])
    known = next((found for text, found in _TEXTS if start.startswith(text)), None)
    as_text = _first(_IN_TEXT, data) if is_text else None
    return as_text or known or (_TEXT if is_text else None)


def of_message(data: bytes, name: str) -> FileType | None:
    """What a protobuf message is that is no ONNX model, by words in it, or by the file's name."""
    if name.lower().endswith(".mlmodel"):
        return _CORE_ML
    return _first(_IN_MESSAGE, data)


def of_folder(names: set[str]) -> FileType | None:
    """What a folder with these entries is."""
    if "saved_model.pb" in names:
        return FileType(_SAVED_MODEL.fact, _TF2ONNX.format("saved-model {path}"))
    return _CORE_ML if {"Manifest.json", "Data"} <= names else None


def _first(words: tuple[tuple[bytes, FileType], ...], data: bytes) -> FileType | None:
    ends = data[:_ENDS] + data[-_ENDS:]
    return next((found for word, found in words if word in ends), None)


def _is_safetensors(data: bytes) -> bool:
    """Eight bytes with the length of a JSON document, which follows."""
    length = int.from_bytes(data[:8], "little")
    return 2 <= length <= min(_LONGEST_HEADER, len(data) - 8) and data[8:10] in (
        b'{"',
        b"{}",
        b"{ ",
    )
