"""The playground: its networks are what its command makes, and its controls are answered."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from click.testing import CliRunner

from elegans.exporter.errors import ElegansError
from elegans.tests.viewer.conftest import opened, serious
from elegans.viewer.pages import playground as made
from elegans.viewer.pages.page import HERE
from elegans.viewer.wasm.from_onnx import lowered_file, onnx_data

_KEPT = json.loads(made.NETWORKS_FILE.read_text())
_CHAPTERS = ("leaky", "liquid", "bounded", "wiring", "solver", "noise")


def _study(**more):
    rows = [
        {"size": "200", "numbers": "int16", "condition": condition, "strength": strength}
        | {"cell": cell, "mean": mean, "low": 0.9 * mean, "high": 1.1 * mean, "errors": []}
        for condition, strength in (("none", None), ("none", 0.0), ("noise", None), ("time a", 0.3))
        for cell, mean in (("cfc", 1.0), ("gru", 2.0))
    ]
    found = {"task": "lane", "error": "rms, cm", "result": "cfc holds its line.", "rows": rows}
    return found | {"settings": {"study": "size", "seeds": 5}} | more


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The page, with a chapter of measured robustness."""
    folder = tmp_path_factory.mktemp("playground")
    (folder / "results.json").write_text(json.dumps(_study()))
    (folder / "page.html").write_text(made.playground([folder / "results.json"]))
    return folder / "page.html"


@pytest.fixture
def ready(tab, file):
    """The tab with the page, all of whose chapters are drawn."""
    opened(tab, file).wait_for_selector("body[data-ready]")
    return tab


def _said(tab, chapter):
    return tab.locator(f"#{chapter} .said").inner_text()


def _move(tab, chapter, label, *keys):
    tab.locator(f"#{chapter}").get_by_label(label).focus()
    for key in keys:
        tab.keyboard.press(key)


def test_the_page_is_one_file_below_a_megabyte_and_asks_for_nothing():
    text = made.playground()
    assert len(text.encode()) <= 1_000_000
    assert "connect-src 'none'" in text
    assert not re.search(r'(?:src|href)="(?!#)', text)


def test_every_control_changes_what_its_chapter_says(ready):
    moment = ready.get_by_label("Moment").get_attribute("id")
    for chapter in _CHAPTERS:
        sliders = ready.locator(f"#{chapter} input[type=range]")
        for index in range(sliders.count()):
            slider = sliders.nth(index)
            if slider.get_attribute("id") == moment:
                continue  # it colours the neurons: see below
            before = _said(ready, chapter)
            slider.focus()
            ready.keyboard.press("Home")
            moved = _said(ready, chapter)
            ready.keyboard.press("End")
            assert len({before, moved, _said(ready, chapter)}) > 1, f"{chapter}, {index}"


def test_nothing_is_wider_than_the_page_and_axe_finds_nothing_serious(ready):
    for scheme in ("light", "dark"):
        ready.emulate_media(color_scheme=scheme)
        assert not serious(ready)
    assert ready.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_leaky_neuron_has_gone_63_percent_of_the_way_after_tau(ready):
    found = re.search(r"way: ([\d.]+) s after the step. tau is ([\d.]+) s", _said(ready, "leaky"))
    assert float(found[1]) == pytest.approx(float(found[2]), abs=0.05)


def test_the_time_constant_measured_on_the_c_is_that_of_the_formula(ready):
    least, most = map(float, re.findall(r"([\d.]+) s", _said(ready, "liquid"))[:2])
    synapse = _KEPT["networks"]["liquid"]["synapse"]
    wanted = [
        1 / (1 + synapse["w"] / (1 + math.exp(-synapse["sigma"] * (x - synapse["mu"]))))
        for x in (2.0, 0.0)
    ]
    np.testing.assert_allclose([least, most], wanted, rtol=0.01)


def test_no_input_and_no_elapsed_time_moves_a_potential_out_of_its_bound(ready):
    for keys in ([], ["End"], ["Home"]):
        _move(ready, "bounded", "Seconds in a step", *keys)
        for _ in range(5):
            ready.get_by_role("button", name="Storm").click()
    assert re.search(r"^5,\d00 steps .* Outside .*: 0\.$", _said(ready, "bounded"))


def test_a_sparser_circuit_has_fewer_synapses_and_costs_less(ready):
    found = []
    for key in ("Home", "End"):
        _move(ready, "wiring", "Sparsity", key)
        said = _said(ready, "wiring")
        found.append([int(n.replace(",", "")) for n in re.findall(r"[\d,]{2,}(?= )", said)][:2])
        assert ready.locator("#wiring .circuit path").count() == found[-1][0]
    assert found[0] > found[1]
    assert found[0][1] > found[1][1]


def test_a_neuron_in_the_focus_shows_its_own_synapses_and_is_named(ready):
    neuron = ready.locator("#wiring .circuit g").last
    neuron.focus()
    name = neuron.get_attribute("aria-label")
    inward = int(re.search(r"^motor 0: (\d+) synapses in", name)[1])
    assert ready.locator("#wiring .circuit path.on").count() == inward


def test_the_moment_colours_the_neurons(ready):
    colours = []
    for key in ("Home", "End"):
        _move(ready, "wiring", "Moment", key)
        circles = ready.locator("#wiring .circuit circle")
        colours.append(circles.evaluate_all("all => all.map((c) => c.getAttribute('fill'))"))
    assert len(colours[0]) == 20
    assert colours[0] != colours[1]


def test_a_study_of_robustness_is_a_chapter_with_its_own_words(ready):
    assert _said(ready, "robustness") == "cfc holds its line."
    picture = ready.locator("#robustness svg")
    assert picture.get_attribute("aria-label").startswith("cfc: 1.00, from 0.900 to 1.10; gru")
    conditions = ready.get_by_label("Disturbance").locator("option").all_inner_texts()
    assert conditions == ["none", "noise", "time a, 30% lost"]


@pytest.mark.parametrize("damage", [{"rows": 3}, {"settings": {}}, {"rows": [{"strength": None}]}])
def test_a_file_that_is_no_study_is_refused_by_name(tmp_path, damage):
    (tmp_path / "results.json").write_text(json.dumps(_study(**damage)))
    with pytest.raises(ElegansError, match=r"results\.json"):
        made.playground([tmp_path / "results.json"])


def test_the_command_writes_the_page(tmp_path):
    result = CliRunner().invoke(made.main, ["-o", str(tmp_path / "page.html")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "page.html").read_text() == made.playground()


@pytest.mark.parametrize("name", _KEPT["networks"])
def test_a_network_of_the_page_is_the_export_of_its_file(name):
    model = lowered_file(made.DATA / f"{name}.onnx").model
    assert model.digest == _KEPT["networks"][name]["digest"]


def test_a_module_and_its_costs_are_what_the_command_makes(tmp_path):
    source = pytest.importorskip("elegans.viewer.pages.playground_networks")
    known = source.make_model("liquid", tmp_path)
    assert (tmp_path / "liquid.onnx").read_bytes() == (made.DATA / "liquid.onnx").read_bytes()
    data = source.make_build(tmp_path / "liquid.onnx", tmp_path / "build")
    assert data | known == _KEPT["networks"]["liquid"]
    assert source.measure(tmp_path / "build") == _KEPT["costs"]["liquid"]


def test_the_module_of_a_trained_circuit_is_what_the_command_makes():
    data = onnx_data(made.DATA / "cfc.onnx")
    assert data == {key: _KEPT["networks"]["cfc"][key] for key in data}


def test_what_the_page_needs_is_in_the_package():
    assert {p.stem for p in (HERE / "playground_data").glob("*.onnx")} == set(_KEPT["networks"])
