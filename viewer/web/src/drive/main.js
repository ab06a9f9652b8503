// drive.html: a car on its road, steered by the shipped C in WebAssembly or by a board, beside
// other controllers on the same road in the same weather.
import "./style.css";
import "uplot/dist/uPlot.min.css";
import { pageData } from "../shared/data.js";
import { network } from "../shared/network.js";
import { Circuit } from "./circuit.js";
import { showLink, showRole } from "./link.js";
import { Live } from "./live.js";
import { centimetres, setText, showErrors, sliders } from "./panel.js";
import { download, Recorder } from "./recorder.js";
import { Scene } from "./scene.js";
import { fromFragment, readRecording, toFragment } from "./share.js";
import { Traces } from "./traces.js";
import { picture, Watched } from "./watched.js";
import { World } from "./world.js";

const COLOURS = ["--car-0", "--car-1", "--car-2", "--car-3"];
const LONGEST = 0.1; // s of the drive in one frame, so that a page that slept does not race
const SLOW = 12; // frames between two updates of table and traces
const $ = (selector) => document.querySelector(selector);

const data = pageData();
const [circuitData] = data.controllers;
const { synapses } = circuitData;
const names = data.controllers.map((controller) => controller.short);

async function start() {
  const networks = await Promise.all(data.controllers.map((controller) => network(controller)));
  const weights = synapses.map(({ at }) => at.map((place) => networks[0].weight(place)));
  const reading = () => fromFragment(location.hash, circuitData.digest, synapses.length);
  let state = reading();
  let world;
  let live = null;
  let watched = null;
  let driving = false;
  let running = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  let [time, frame, front, rate] = [0, 0, 0, 1];
  let last = performance.now();

  const scenes = [...document.querySelectorAll(".view canvas")].map(
    (canvas, i) => new Scene(canvas, COLOURS[i]),
  );
  const traces = new Traces($("#traces"), names, COLOURS);
  const recorder = new Recorder(circuitData.digest, synapses.length);
  const circuit = new Circuit($("#circuit"), $("#synapses"), circuitData, data.live ? null : toggleCut);
  const setSliders = sliders($("#settings"), (settings) => change({ ...state, settings }));

  const controllers = data.controllers.map(({ name, clock }, i) => ({
    name,
    clock,
    network: networks[i],
    remote: i === 0 && data.live ? ask : null,
  }));

  function ask(own, x, dt) {
    return live.step(x, dt, picture(own));
  }

  function restart(next = state) {
    state = next;
    applyCuts();
    live?.reset();
    world = new World(controllers, state.seed, state.settings);
    [time, frame] = [0, 0];
    if (!recorder.replaying) recorder.begin(state);
    show();
  }

  // Another state: settings and cuts take effect from the next sample on, a seed from the start.
  function change(next) {
    if (next.seed !== state.seed) return restart(next);
    state = next;
    world.change(state.settings);
    applyCuts();
    recorder.note(world.samples, state);
    show();
    return undefined;
  }

  function show() {
    setSliders(state.settings);
    $("#seed").value = state.seed;
    circuit.setCut(state.cuts);
    const cut = state.cuts.size;
    setText($("#cuts"), cut ? `${cut} of ${synapses.length} synapses cut` : "no synapse is cut");
    $("#heal").disabled = !cut;
    const fragment = toFragment(state, circuitData.digest);
    if (location.hash !== fragment) history.replaceState(null, "", fragment);
  }

  function toggleCut(index, cut) {
    if (recorder.replaying) return;
    const cuts = new Set(state.cuts);
    if (cut) cuts.add(index);
    else cuts.delete(index);
    change({ ...state, cuts });
  }

  function applyCuts() {
    synapses.forEach(({ at }, i) => {
      const cut = state.cuts.has(i) && !data.live;
      at.forEach((place, j) => networks[0].setWeight(place, cut ? 0 : weights[i][j]));
    });
  }

  function sample() {
    const due = recorder.due(world.samples);
    if (due) {
      state = due;
      world.change(state.settings);
      applyCuts();
      show();
    }
    world.step();
    if (recorder.replaying && world.samples >= recorder.replaying.samples) {
      recorder.replaying = null;
      running = false;
      play();
    }
  }

  function advance(now) {
    const passed = Math.min((now - last) / 1000, LONGEST) * rate;
    last = now;
    if (watched) {
      time = Math.min(time + passed, watched.t);
      if (watched.t - time > 0.25) time = watched.t - 0.1;
      return;
    }
    if (!running) return;
    time += passed;
    while (running && world.t < time && world.ready) sample();
    time = Math.min(time, world.t);
  }

  function draw(now) {
    advance(now);
    const seen = watched ?? world;
    seen.drivers.forEach((driver, i) => {
      if (i !== front && frame % seen.drivers.length !== i) return; // small views take turns
      scenes[i].resize();
      const { sight, lost } = seen.sample ?? { sight: 45, lost: [] };
      scenes[i].draw(driver.pose(time), seen.road, sight, lost);
    });
    const driver = seen.drivers[0];
    const h = (watched ? watched.h : driver.h) ?? networks[0].h;
    circuit.show((watched ? watched.x : driver.integers) ?? [], h);
    if (frame++ % SLOW === 0) slowly(seen, now);
    requestAnimationFrame(draw);
  }

  function slowly(seen, now) {
    showErrors($("#errors tbody"), seen.drivers);
    if (seen.samples) traces.show(seen.drivers);
    seen.drivers.forEach((driver, i) => {
      const { lateral, speed } = driver.now;
      const side = lateral > 0 ? "left" : "right";
      const off = Math.abs(lateral) > 1.75 ? ", off its lane" : "";
      const text = `${centimetres(Math.abs(lateral))} ${side}${off}`;
      const words = document.querySelectorAll(".view .words")[i];
      setText(words, i === front ? `${text} · ${(3.6 * speed).toFixed(0)} km/h` : text);
    });
    const command = seen.drivers[0].command ?? 0;
    setText($("#steering"), `${((180 / Math.PI) * command).toFixed(1)}°`);
    $("#needle").setAttribute("transform", `rotate(${(-4 * 180 * command) / Math.PI})`);
    setText($("#clock"), `${seen.t.toFixed(1)} s · ${seen.samples} steps`);
    const fps = (SLOW * 1000) / (now - slowly.last);
    slowly.last = now;
    document.body.dataset.fps = fps.toFixed(0);
    if (live) showLink(live);
  }
  slowly.last = 0;

  function play() {
    const text = running ? "Pause" : "Drive";
    setText($("#play"), text);
    $("#replay").textContent = recorder.replaying ? "Stop the replay" : "Replay from the start";
    document.body.classList.toggle("replaying", Boolean(recorder.replaying));
  }

  function replay(recording) {
    restart(recorder.replay(recording));
    running = true;
    play();
  }

  $("#play").addEventListener("click", () => {
    running = !running;
    play();
  });
  $("#restart").addEventListener("click", () => {
    recorder.replaying = null;
    restart();
    play();
  });
  $("#replay").addEventListener("click", () => {
    if (recorder.replaying) {
      recorder.replaying = null;
      recorder.begin(state);
      restart();
      play();
    } else replay(recorder.recording(world.samples));
  });
  $("#save").addEventListener("click", () => {
    download(recorder.save(world.samples), `drive-${state.seed}.json`);
  });
  $("#open").addEventListener("change", async ({ target }) => {
    try {
      const text = await target.files[0].text();
      replay(readRecording(text, circuitData.digest, synapses.length));
      setText($("#said"), "Replaying the recording.");
    } catch (error) {
      setText($("#said"), `This file cannot be replayed: ${error.message}.`);
    }
    target.value = "";
  });
  $("#share").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      setText($("#said"), "The link is in the clipboard: it has the seed, the sliders and the cuts.");
    } catch {
      setText($("#said"), `Copy this address: ${location.href}`);
    }
  });
  $("#heal").addEventListener("click", () => change({ ...state, cuts: new Set() }));
  $("#usual").addEventListener("click", () => {
    const { settings } = fromFragment("", circuitData.digest, synapses.length);
    change({ ...state, settings });
  });
  $("#seed").addEventListener("change", ({ target }) => {
    const { seed } = fromFragment(`seed=${target.value}`, circuitData.digest, synapses.length);
    restart({ ...state, seed });
  });
  $("#road").addEventListener("click", () => {
    restart({ ...state, seed: Math.floor(1e6 * Math.random()) });
  });
  $("#rate").addEventListener("change", ({ target }) => {
    rate = Number(target.value);
  });
  window.addEventListener("hashchange", () => restart(reading()));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", () => {
    for (const scene of scenes) scene.theme();
    traces.theme();
  });
  document.querySelectorAll(".view").forEach((view, i) => {
    view.querySelector("button")?.addEventListener("click", () => bringToFront(i));
  });

  function bringToFront(i) {
    front = i;
    document.querySelectorAll(".view").forEach((view, j) => view.classList.toggle("front", i === j));
  }

  if (data.live) {
    live = new Live(data.live.path, networks[0], {
      role(role) {
        const { driver } = role;
        const begins = driver && !driving;
        driving = driver;
        watched = driver ? null : watched ?? new Watched(data.controllers.map((c) => c.name));
        showRole(role);
        if (begins) restart();
      },
      link(message) {
        live.link = message;
        showLink(live);
      },
      watched({ k, x, h, picture: shown }) {
        if (!watched) return;
        watched.take(k, shown);
        Object.assign(watched, { x, h });
        setSliders(watched.settings);
      },
      lost() {
        driving = false;
        live.link = { state: "gone", text: "the program elegans drive does not answer" };
        showLink(live);
      },
    });
  }

  window.elegans = { // for tests, and for people who look inside
    get world() { return watched ?? world; },
    get state() { return state; },
    get live() { return live; },
    networks,
    toggleCut,
  };
  restart();
  play();
  requestAnimationFrame((now) => {
    last = now;
    document.body.dataset.ready = Math.round(now);
    draw(now);
  });
}

start();
