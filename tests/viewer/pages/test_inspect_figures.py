"""Figures as files of their own: each in every format, with equal bytes from equal accounts."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.commands.definitions import viewing
from elegans.tests.places import GOLDEN
from elegans.tests.viewer.subjects import subject_of
from elegans.viewer.analysis.account import account
from elegans.viewer.pages.inspect_figures import FIGURES, FORMATS, figure_bytes


@pytest.fixture(scope="module")
def worm():
    return account(subject_of("cfc"))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_there_in_each_format_and_the_same_each_time(worm, name):
    for form in FORMATS:
        first = figure_bytes(worm, name, form)
        if form == "svg":
            assert ElementTree.fromstring(first).tag.endswith("svg")
            assert figure_bytes(worm, name, form) == first
        elif form == "png":
            assert first.startswith(b"\x89PNG")
        else:
            assert json.loads(first)


def test_the_command_offers_just_these_figures_and_formats():
    options = {
        p.name: p.type.choices for p in viewing.inspect.params if p.name in ("figure", "form")
    }
    assert tuple(options["figure"]) == tuple(FIGURES)
    assert tuple(options["form"]) == FORMATS


def test_a_figure_of_an_onnx_file_is_made_with_the_options_of_an_export(tmp_path):
    target = tmp_path / "circuit.json"
    arguments = ("inspect", GOLDEN / "worm.onnx", "--figure", "circuit", "-o", target)
    result = CliRunner().invoke(main, [*map(str, arguments), "--name", "other"])
    assert result.exit_code == 0, result.output
    data = json.loads(target.read_text())
    assert data["model"] == "other"
    assert len(data["circuit"]["synapses"]) == data["circuit"]["synapse_count"] == 39
