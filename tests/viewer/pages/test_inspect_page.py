"""The page of `elegans inspect` in a real browser, and what it does with hostile input."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from elegans.cli import main
from elegans.tests.viewer.conftest import opened, serious
from elegans.tests.viewer.subjects import build_of, subject_of
from elegans.viewer.analysis.account import account
from elegans.viewer.pages.inspect import inspect_page, packed

MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of the worm, which is a CfC of two layers."""
    path = tmp_path_factory.mktemp("inspect") / "report.html"
    path.write_text(inspect_page(account(subject_of("cfc"))), encoding="utf-8")
    return path


def _ready(tab, page):
    opened(tab, page).wait_for_selector("html[data-ready=yes]")
    return tab


def test_the_slider_greys_synapses_and_the_moment_changes_the_sentence(tab, page):
    _ready(tab, page)
    assert page.stat().st_size < MOST_BYTES
    weak = "document.querySelectorAll('.synapse.weak').length"
    assert tab.evaluate(weak) == 0
    tab.fill("#threshold", "60")
    greyed = tab.evaluate(weak)
    assert 0 < greyed < tab.evaluate("document.querySelectorAll('.synapse').length")
    before = tab.inner_text("#sentence"), tab.inner_text("#shares"), tab.inner_text("#drivers")
    tab.fill("#moment", "3")
    after = tab.inner_text("#sentence"), tab.inner_text("#shares"), tab.inner_text("#drivers")
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert tab.inner_text("#sentence").startswith(f"Step {tab.inner_text('#when').split()[1][:-1]}")


def test_a_neuron_is_traced_by_the_tab_key_and_chosen_by_enter(tab, page):
    _ready(tab, page)
    tab.focus("#threshold")
    for _ in range(4):  # past the three sensors, to the first neuron
        tab.keyboard.press("Tab")
    name = tab.evaluate("document.activeElement.getAttribute('aria-label')")
    assert re.match(r"inter \d: \d+ synapses in, \d+ out", name)
    into, out = (int(n) for n in re.findall(r"(\d+) (?:synapses in|out)", name))
    traced = tab.evaluate("document.querySelectorAll('.synapse.traced').length")
    own = tab.evaluate(
        "[...document.querySelectorAll('.synapse')].filter(p => p.__data__.source =="
        " document.activeElement.__data__index).length"
    )
    assert own == 0
    assert into + out - 1 <= traced <= into + out
    assert "reads" in tab.inner_text("#node")
    assert "drives" in tab.inner_text("#node")
    tab.keyboard.press("Enter")
    chosen = tab.evaluate("document.querySelector('#neuron').selectedOptions[0].textContent")
    assert name.startswith(f"{chosen}:")
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate("document.activeElement.getAttribute('aria-label')") != name


def test_the_page_fits_its_width_and_draws_at_once(tab, page):
    _ready(tab, page)
    width, room = tab.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= room
    assert tab.locator("canvas").count() >= 4  # the map, and three charts


def test_nobody_is_kept_from_reading_it(tab, page):
    _ready(tab, page)
    assert not serious(tab)


def test_equal_accounts_give_equal_bytes(page):
    assert inspect_page(account(subject_of("cfc"))) == page.read_text(encoding="utf-8")


def test_packed_arrays_keep_their_values_and_gaps():
    values = np.array([[0.25, -3.0], [np.nan, 7.0]])
    told = packed({"a": values})["a"]
    assert told["shape"] == [2, 2]
    assert told["ends"] == [-3.0, 7.0, False]
    json.dumps(told, allow_nan=False)


def _call(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_a_hostile_name_of_a_recording_is_text_on_the_page(tmp_path):
    name = "<img src=x onerror=alert(1)>.csv"
    rows = ["touch,heat,salt,dt", *(f"{0.1 * i:.1f},20,0,0.1" for i in range(9))]
    (tmp_path / name).write_text("\n".join(rows))
    target = tmp_path / "report.html"
    result = _call("inspect", build_of("cfc"), "--input", tmp_path / name, "-o", target)
    assert result.exit_code == 0, result.output
    text = target.read_text(encoding="utf-8")
    assert "<img src=x" not in text
    assert html.escape(name) in text


def test_values_that_are_put_right_are_told(tmp_path):
    recording, target = tmp_path / "drive.csv", tmp_path / "report.html"
    recording.write_text("touch,heat,salt,dt\n0,99,0,0.1\n0,20,0,0.1\n0.5,20,0,0.1\n")
    result = _call("inspect", build_of("cfc"), "--input", recording, "--clip", "-o", target)
    assert result.exit_code == 0, result.output
    assert "heat" in result.stderr
    assert result.stderr.splitlines()[1] in html.unescape(target.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("touch,heat,dt\n0,0,0.1\n", "salt"),
        ("touch,heat,salt,dt\n0,0,nan,0.1\n", "salt"),
        ("touch,heat,salt,dt\n0,99,0,0.1\n", "heat"),
        ("\0\1\2", "csv"),
        ("", "csv"),
    ],
)
def test_a_recording_that_does_not_fit_is_told_in_one_line_and_writes_nothing(
    tmp_path, content, told
):
    recording, target = tmp_path / "drive.csv", tmp_path / "report.html"
    recording.write_text(content)
    result = _call("inspect", build_of("cfc"), "--input", recording, "-o", target)
    assert result.exit_code in (1, 2)
    assert told in result.output.splitlines()[-1]
    assert "Traceback" not in result.output
    assert not target.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--weights", "int8"), "is exported already"),
        (("--format", "svg"), "--figure"),
        (("--figure", "nonsense"), "nonsense"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, arguments, told):
    result = _call("inspect", build_of("cfc"), "-o", tmp_path / "report.html", *arguments)
    assert result.exit_code == 2
    assert told in result.output


def test_a_build_without_its_float_network_is_told_apart(tmp_path):
    from elegans.tests.places import GOLDEN

    result = _call("inspect", GOLDEN / "worm", "-o", tmp_path / "report.html")
    assert result.exit_code in (1, 2)
    assert "float.onnx" in result.output
    assert not (tmp_path / "report.html").exists()
