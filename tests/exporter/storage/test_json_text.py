"""JSON with an indent is what the standard library writes."""

from __future__ import annotations

import json

import pytest

from elegans.exporter.storage.json_text import indented


@pytest.mark.parametrize(
    "data",
    [
        *({}, [], "", None, -3, 1.5e-9, True),
        [1, -2, 10**12],
        [True, 1],
        [[], {}, [[1, 2], [3.0]]],
        {"name": "µ\n", "empty": {"list": [], "pair": (1, 2)}, "mixed": [1, "a", None, {"b": [0]}]},
    ],
    ids=repr,
)
def test_the_text_is_that_of_the_standard_library(data):
    assert indented(data) == json.dumps(data, indent=1)
