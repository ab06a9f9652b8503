"""What an ONNX file takes once it is parsed, and once its functions are inlined.

Both are counted without doing it. Two bytes of a file can be an empty node, for which the parser
takes 150 bytes; and a function that calls another one twice, which does the same, doubles at each
level, so that 16 kB become 4 GB.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor

_MOST_MESSAGES = 1 << 20  # nodes, attributes, tensors and the like: 150 MB
_MOST_FIELDS = 1 << 22  # of all messages; they are counted in about two seconds
_MOST_PACKED = 1 << 26  # bytes of integers of varying length, which become 8 bytes each
_DEEPEST = 50  # functions that call each other
_LARGEST_INLINED = 1 << 28  # bytes of the graph after inlining
_VARINTS = {
    *(FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_ENUM),
    *(FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64),
}
_PLAIN, _PACKED = "plain", "packed"


def check_parts(data: bytes) -> None:
    """Raise ValueError if the parser would need far more memory than the file is long.

    What is no valid file may pass; the parser refuses it.
    """
    messages = fields = packed = 0
    pending = [(0, len(data), onnx.ModelProto.DESCRIPTOR)]
    while pending:
        at, end, descriptor = pending.pop()
        kinds = _kinds(descriptor)
        while at < end:
            fields += 1
            if fields > _MOST_FIELDS:
                raise ValueError(f"it has more than {_MOST_FIELDS} fields")
            key, at = _varint(data, at, end)
            length, at = _length(data, at, end, key & 7)
            if key & 7 == 2:
                kind = kinds.get(key >> 3, _PLAIN)
                if kind is _PACKED:
                    packed += length
                elif kind is not _PLAIN:
                    messages += 1
                    pending.append((at, min(at + length, end), kind))
                if messages > _MOST_MESSAGES or packed > _MOST_PACKED:
                    raise ValueError(f"it has more than {_MOST_MESSAGES} parts or too many numbers")
            at += length


@cache
def _kinds(descriptor: Any) -> dict[int, Any]:
    """For each field of a message that is not plain bytes: its own descriptor, or `_PACKED`."""
    found: dict[int, Any] = {}
    for field in descriptor.fields:
        if field.message_type is not None:
            found[field.number] = field.message_type
        elif field.type in _VARINTS:
            found[field.number] = _PACKED
    return found


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number, and the place after it; the end of the message if it is damaged."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    return 0, end


def _length(data: bytes, at: int, end: int, wire: int) -> tuple[int, int]:
    """The bytes of a field's value, and where they begin."""
    if wire == 2:
        return _varint(data, at, end)
    if wire == 0:
        return 0, _varint(data, at, end)[1]
    return {1: 8, 5: 4}.get(wire, 0), at  # groups (3 and 4) have no value of their own


@dataclass(frozen=True)
class _Inlined:
    """What a graph or a function takes: nodes, bytes, the places at which a name stands, and how
    deep functions call each other in it."""

    nodes: int = 0
    bytes: int = 0
    places: int = 0
    depth: int = 0

    def plus(self, other: _Inlined) -> _Inlined:
        return _Inlined(
            self.nodes + other.nodes,
            self.bytes + other.bytes,
            self.places + other.places,
            max(self.depth, other.depth),
        )


def check_inlined(model: onnx.ModelProto, most_nodes: int) -> None:
    """Raise ValueError if a graph has more nodes than this, or is too large, once its local
    functions are inlined; or if functions call each other in a circle or too deeply."""
    functions = {(f.domain, f.name): f for f in model.functions}
    known: dict[tuple[str, str], _Inlined] = {}

    def of_function(key: tuple[str, str], depth: int) -> _Inlined:
        # A circle ends here, too.
        if depth <= _DEEPEST and key not in known:
            inner = of_nodes(functions[key].node, depth)
            known[key] = replace(inner, depth=inner.depth + 1)
        if depth > _DEEPEST or known[key].depth > _DEEPEST:
            raise ValueError(f"its functions call each other more than {_DEEPEST} deep")
        return known[key]

    def of_nodes(nodes: Iterable[onnx.NodeProto], depth: int) -> _Inlined:
        total = _Inlined()
        for node in nodes:
            places = 1 + len(node.input) + len(node.output) + len(node.attribute)
            total = total.plus(_Inlined(1, node.ByteSize(), places))
            for attribute in node.attribute:
                own = [attribute.g] if attribute.HasField("g") else []
                for graph in (*own, *attribute.graphs):
                    total = total.plus(of_nodes(graph.node, depth))
            key = (node.domain, node.op_type)
            if key in functions:
                inner = of_function(key, depth + 1)
                # Names and attributes of the call may come to stand at each place inside.
                named = _Inlined(0, node.ByteSize() * inner.places, 0)
                total = total.plus(inner).plus(named)
        return total

    found = of_nodes(model.graph.node, 0)
    if found.nodes > most_nodes or found.bytes > _LARGEST_INLINED:
        inlined = " with its functions inlined" if model.functions else ""
        raise ValueError(f"it has {found.nodes} nodes and {found.bytes} bytes{inlined}")
