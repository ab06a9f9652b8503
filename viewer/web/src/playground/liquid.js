// One LTC neuron. Its time constant is measured on the C itself: two states under the same input
// come closer to each other by (1 + dt / (6 tau))^-6 in one step, because the neuron has no synapse
// from itself and its solver takes six parts of a step.
import { chart } from "./charts.js";
import { slider } from "./controls.js";
import { dequantise } from "../shared/network.js";

const STEPS = 500;
const DT = 0.02;
const UNFOLDS = 6;
const APART = 0.25;

export function liquid({ controls, figures, say }, { liquid: net }, data) {
  const { w, sigma, mu } = data.liquid.synapse;
  const rest = data.liquid.rest_tau[0];
  const number = (v) => v.toFixed(1);
  const ranges = { values: { least: -1, most: 3, step: 0.1 }, shown: number };
  const middle = slider(controls, "Middle of the input", { ...ranges, start: 1 }, draw);
  const swing = slider(
    controls,
    "Swing of the input",
    { values: { least: 0, most: 2, step: 0.1 }, start: 1, shown: number },
    draw,
  );
  const pace = slider(
    controls,
    "Waves in ten seconds",
    { values: [1, 2, 3, 5, 8, 13, 21], start: 3 },
    draw,
  );
  const above = chart(
    figures[0],
    [
      { label: "input x", color: "soft", width: 1 },
      { label: "potential v", color: "line" },
    ],
    { x: "seconds", y: "", range: [-1.2, 3.2] },
  );
  const below = chart(
    figures[1],
    [
      { label: "tau, measured on the C", color: "second", width: 5 },
      { label: "tau0 / (1 + tau0 f)", color: "text", width: 2, dash: [3, 6] },
    ],
    { x: "seconds", y: "tau, seconds", range: [0, 1.1], height: 200 },
  );

  function potential() {
    return dequantise(net.h[0], net.states[0]);
  }

  // The time constant while the input is x, and one step of the neuron.
  function step(x) {
    const from = net.h[0];
    const apart = Math.round(APART * 2 ** net.states[0].frac) * (potential() > 0.5 ? -1 : 1);
    net.setStates([from + apart]);
    net.stepReal([x], DT);
    const other = net.h[0];
    net.setStates([from]);
    net.stepReal([x], DT);
    const left = (other - net.h[0]) / apart;
    return DT / UNFOLDS / (left ** (-1 / UNFOLDS) - 1);
  }

  function draw() {
    net.init();
    const columns = [[], [], []];
    const taus = [[], []];
    for (let i = 0; i < STEPS; i++) {
      const time = i * DT;
      const wave = middle.value + swing.value * Math.sin((2 * Math.PI * time * pace.value) / 10);
      const x = Math.max(-1, Math.min(3, wave));
      taus[0].push(step(x));
      const f = w / (1 + Math.exp(-sigma * (x - mu))); // of a capacitance of 1
      taus[1].push(rest / (1 + rest * f));
      columns[0].push(time);
      columns[1].push(x);
      columns[2].push(potential());
    }
    above.draw(columns);
    below.draw([columns[0], ...taus]);
    const [least, most] = [Math.min(...taus[0]), Math.max(...taus[0])];
    const late = columns[2].slice(STEPS / 5);
    say(
      `tau goes from ${least.toFixed(3)} s to ${most.toFixed(3)} s, the potential from ${Math.min(...late).toFixed(3)} to ${Math.max(...late).toFixed(3)} after the first two seconds. With the synapse closed it is ${rest.toFixed(1)} s, fully open ${(rest / (1 + rest * w)).toFixed(1)} s.`,
    );
  }

  draw();
}
