// One leaky integrator. Only dt / tau counts in its equation, and dt is an input of the C: so the
// page gives it the seconds of a step as a fraction of tau.
import { chart } from "./charts.js";
import { choice, slider } from "./controls.js";
import { SHAPES } from "./waves.js";
import { dequantise } from "../shared/network.js";

const STEPS = 500;
const DT = 0.04;

export function leaky({ controls, figures, say }, { leaky: net }) {
  const shapes = Object.fromEntries(Object.entries(SHAPES).map(([name, s]) => [name, s.text]));
  const shape = choice(controls, "Input", shapes, draw);
  const height = slider(
    controls,
    "Height of the input",
    { values: { least: -3, most: 3, step: 0.1 }, start: 1.5, shown: (v) => v.toFixed(1) },
    draw,
  );
  const tau = slider(
    controls,
    "Time constant tau",
    { values: { least: 0.1, most: 10, power: true }, start: 1, shown: (v) => `${v.toFixed(2)} s` },
    draw,
  );
  const lines = [
    { label: "input x", color: "soft", width: 1 },
    { label: "state h", color: "line" },
  ];
  const picture = chart(figures[0], lines, { x: "seconds", y: "", range: [-3.2, 3.2] });

  function draw() {
    net.init();
    const time = [];
    const x = [];
    const h = [];
    for (let i = 0; i < STEPS; i++) {
      time.push(i * DT);
      x.push(height.value * SHAPES[shape.value].at(i * DT));
      net.stepReal([x[i]], DT / tau.value);
      h.push(dequantise(net.h[0], net.states[0]));
    }
    picture.draw([time, x, h]);
    say(shape.value === "step" ? rise(h) : span(h));
  }

  // When the state has gone 63 % of the way to where it ends, after the step at one second. It
  // ends where a second of it would be many time constants long.
  function rise(h) {
    net.init();
    for (let i = 0; i < 40; i++) net.stepReal([height.value], 1);
    const end = dequantise(net.h[0], net.states[0]);
    const at = h.findIndex((v) => Math.abs(v) >= (1 - Math.exp(-1)) * Math.abs(end));
    if (!end) return "The input is 0, and so is the state.";
    const when = at < 0 ? "not within these 20 s" : `${(at * DT - 1 + DT).toFixed(2)} s after the step`;
    return `The state is on its way to ${end.toFixed(3)}, the tanh of the input. 63 % of the way: ${when}. tau is ${tau.value.toFixed(2)} s.`;
  }

  function span(h) {
    const late = h.slice(STEPS / 2);
    return `In the second half the state swings from ${Math.min(...late).toFixed(2)} to ${Math.max(...late).toFixed(2)}: the longer tau, the less it follows.`;
  }

  draw();
}
