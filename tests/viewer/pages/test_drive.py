"""drive.html in a browser: the car drives, and what people do to it has its effect."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from elegans.demo import report
from elegans.exporter.build_folder import load_model
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.oracles import reference
from elegans.tests.places import CHECKOUT, WORM
from elegans.tests.viewer.conftest import opened, serious, until
from elegans.viewer.pages.drive import drive_page
from elegans.viewer.wasm.synapses import synapses, without

# For what does not depend on the width of the page.
_at_a_desk = pytest.mark.parametrize("tab", [1440], indirect=True, ids=["1440px"])

# Take samples as fast as the machine can, while the page itself stands still.
_DRIVE = """(samples) => {
  const { world } = window.elegans;
  for (let i = 0; i < samples; i++) world.step();
  const [own] = world.drivers;
  return { lateral: own.car.lateral, rms: own.errors.rms, h: Array.from(own.h),
           arc: own.car.arc, others: world.drivers.slice(1).map((one) => one.errors.rms) };
}"""


@pytest.fixture(scope="module")
def html(lane, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drive")
    (folder / "export").symlink_to(lane)
    report.write_drive(folder, short=True)
    return folder / "drive.html"


def _ready(tab, address, pause=True):
    tab.goto(address)
    tab.wait_for_selector("body[data-ready]")
    if pause:
        tab.click("#play")
        tab.click("#restart")
    return tab


@pytest.fixture
def page(tab, html):
    return _ready(tab, html.resolve().as_uri())


@_at_a_desk
def test_the_page_is_small_and_soon_there(html, tab):
    assert html.stat().st_size <= 1_000_000
    _ready(tab, html.resolve().as_uri(), pause=False)
    assert int(tab.get_attribute("body", "data-ready")) < 3000  # 1 s where the machine is idle


def test_the_car_moves_and_the_neurons_glow(html, tab):
    opened(tab, html)
    until(tab, "window.elegans?.world.samples > 20")
    first = tab.evaluate("window.elegans.world.drivers[0].car.arc")
    glow = "[...document.querySelectorAll('.node')].map((n) => n.style.getPropertyValue('--glow'))"
    before = tab.evaluate(glow)
    until(tab, "window.elegans.world.samples > 40")
    assert tab.evaluate("window.elegans.world.drivers[0].car.arc") > first + 3
    after = tab.evaluate(glow)
    assert len(after) == 27
    assert sum(a != b for a, b in zip(before, after, strict=True)) > 15
    assert re.match(r"[\d.]+ cm (left|right)", tab.inner_text(".view.front .words"))


@_at_a_desk
def test_every_controller_holds_the_road_as_it_was_trained(page):
    found = page.evaluate(_DRIVE, 1200)
    assert found["arc"] > 300
    assert all(0.005 < rms < 0.15 for rms in (found["rms"], *found["others"]))


@_at_a_desk
def test_a_slider_changes_the_error(page):
    calm = page.evaluate(_DRIVE, 600)
    page.evaluate("""() => {
      const input = document.querySelector('#set-noise');
      input.value = 5;
      input.dispatchEvent(new Event('input'));
    }""")
    page.click("#restart")
    rough = page.evaluate(_DRIVE, 600)
    assert "5.0 ×" in page.inner_text("#settings")
    assert rough["rms"] > 1.5 * calm["rms"]
    page.click("#usual")
    page.click("#restart")
    assert page.evaluate(_DRIVE, 600) == calm


def test_a_cut_synapse_changes_the_drive_and_healing_it_changes_it_back(page):
    whole = page.evaluate(_DRIVE, 200)
    page.click("#restart")
    page.click("#synapses button >> nth=0")
    assert page.get_attribute("#synapses button >> nth=0", "aria-pressed") == "true"
    assert "1 of 343" in page.inner_text("#cuts")
    cut = page.evaluate(_DRIVE, 200)
    assert cut["h"] != whole["h"]
    assert cut["lateral"] != whole["lateral"]
    page.click("#heal")
    page.click("#restart")
    assert page.evaluate(_DRIVE, 200) == whole


@_at_a_desk
def test_in_the_browser_every_bit_is_the_reference_s_whole_and_cut(page, lane):
    model, one = load_model(lane), synapses(lane)[200]
    with np.load(lane / "vectors.npz") as file:
        x, dt, h = (file[name][:300].astype(np.int64) for name in ("x", "dt", "h"))
    run = """([x, dt, h]) => x.map((inputs, i) => {
      const [net] = window.elegans.networks;
      net.setStates(h[i]);
      return [...net.step(inputs, dt[i]), ...net.h];
    })"""
    given = [x.tolist(), dt.tolist(), h.tolist()]
    expected = np.concatenate(reference.step(model, x, dt[:, None], h), axis=1)
    assert page.evaluate(run, given) == expected.tolist()
    page.evaluate("window.elegans.toggleCut(200, true)")
    cut = np.concatenate(reference.step(without(model, one), x, dt[:, None], h), axis=1)
    assert page.evaluate(run, given) == cut.tolist() != expected.tolist()


@_at_a_desk
def test_a_shared_address_is_the_same_drive_to_the_bit(page, html):
    page.fill("#seed", "77")
    page.press("#seed", "Enter")
    page.evaluate("""() => {
      for (const [name, value] of [['noise', 2.5], ['curviness', 1.2], ['dropout', 0.1]]) {
        const input = document.querySelector(`#set-${name}`);
        input.value = value;
        input.dispatchEvent(new Event('input'));
      }
    }""")
    page.click("#synapses button >> nth=1")
    page.click("#restart")
    here = page.evaluate(_DRIVE, 300)
    address = page.evaluate("location.href")
    assert "seed=77" in address
    assert "cuts=" in address
    page.goto("about:blank")
    there = _ready(page, address)
    assert there.input_value("#set-noise") == "2.5"
    assert "1 of 343" in there.inner_text("#cuts")
    assert there.evaluate(_DRIVE, 300) == here
    assert _ready(page, html.resolve().as_uri()).evaluate(_DRIVE, 300) != here


@_at_a_desk
def test_nonsense_in_an_address_is_as_usual(tab, html):
    tab = _ready(tab, html.resolve().as_uri() + "#seed=x&noise=1e999&fog=9&cuts=..99999&model=<b>")
    state = tab.evaluate("window.elegans.state")
    assert state["seed"] == 302
    assert state["settings"] == {
        "curviness": 1,
        "noise": 1,
        "fog": 1,
        "dropout": 0,
        "jitter": 1,
    }


@_at_a_desk
def test_a_replay_repeats_every_change_at_its_sample(page):
    page.evaluate(_DRIVE, 100)
    page.click("#synapses button >> nth=0")
    page.evaluate(_DRIVE, 100)
    page.click("#heal")
    driven = page.evaluate(_DRIVE, 40)
    page.select_option("#rate", "4")
    page.click("#replay")
    until(page, "window.elegans.world.samples === 240 && !document.body.matches('.replaying')")
    assert page.evaluate(_DRIVE, 0) == driven


@_at_a_desk
def test_a_recording_is_saved_and_opened_and_a_wrong_one_is_refused(page, tmp_path):
    page.evaluate(_DRIVE, 50)
    page.click("#synapses button >> nth=2")
    driven = page.evaluate(_DRIVE, 30)
    with page.expect_download() as download:
        page.click("#save")
    file = tmp_path / "drive.json"
    download.value.save_as(file)
    page.click("#heal")
    page.select_option("#rate", "4")
    page.click("#restart")  # else 80 samples are driven before the file is read
    page.set_input_files("#open", file)
    until(page, "window.elegans.world.samples === 80 && !document.body.matches('.replaying')")
    assert page.evaluate(_DRIVE, 0) == driven
    file.write_text(json.dumps(json.loads(file.read_text()) | {"model": "0" * 64}))
    page.set_input_files("#open", file)
    until(page, "document.querySelector('#said').textContent.includes('another model')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_hinders_anybody(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.evaluate(_DRIVE, 100)
    page.click("#synapses button >> nth=0")
    assert serious(page) == []
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]


@_at_a_desk
def test_whoever_wants_no_motion_starts_with_a_page_at_rest(tab, html):
    tab.emulate_media(reduced_motion="reduce")
    _ready(tab, html.resolve().as_uri(), pause=False)
    assert tab.inner_text("#play") == "Drive"
    assert tab.evaluate("window.elegans.world.samples") == 0


def test_another_network_is_refused(tmp_path):
    export(Request(WORM), tmp_path / "BUILD")
    with pytest.raises(ElegansError, match="elegans train lane"):
        drive_page(tmp_path / "BUILD")


def test_the_controllers_beside_the_circuit_are_those_that_were_examined():
    from elegans.viewer.pages.exam import exam
    from elegans.viewer.pages.rivals import LISTED, rivals
    from elegans.viewer.wasm.from_onnx import lowered_file

    assert json.loads(LISTED.read_text())["made_by"] == "python -m benchmarks.rivals"
    assert (CHECKOUT / "benchmarks" / "rivals.py").exists()
    for one in rivals():
        model = lowered_file(one.path).model
        assert model.digest == one.digest
        assert 1200 < one.parameters < 1320
        if one.name == "mlp":
            found = exam(model, clock=one.clock, noises=(1.0,))
            assert [s.rms for s in found] == pytest.approx([one.exam[1].rms], rel=1e-6)


def test_the_page_says_that_its_circuit_was_trained_for_a_short_time(html):
    assert "This circuit itself was trained with <code>--short</code>" in html.read_text()


def test_the_demo_writes_no_page_where_there_is_no_zig(lane, tmp_path, monkeypatch):
    (tmp_path / "export").symlink_to(lane)
    monkeypatch.setattr(report, "cross_compilers", lambda: ["gcc"])
    report.write_drive(tmp_path, short=True)
    assert not (tmp_path / "drive.html").exists()
