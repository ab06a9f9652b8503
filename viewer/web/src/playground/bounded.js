// Three LTC neurons under any input: their potentials, and the hull that the theorem gives.
import { chart } from "./charts.js";
import { button, slider } from "./controls.js";
import { random } from "./waves.js";
import { dequantise } from "../shared/network.js";

const STEPS = 300;
const CALM = 60;

export function bounded({ controls, figures, say }, { bounded: net }, data) {
  const hull = data.bounded.hull;
  const least = Math.min(...hull.map(([low]) => low));
  const most = Math.max(...hull.map(([, high]) => high));
  const far = { values: { least: -1000, most: 1000, step: 1 }, shown: (v) => v.toFixed(0) };
  const first = slider(controls, "First input", { ...far, start: 40 }, draw);
  const second = slider(controls, "Second input", { ...far, start: -700 }, draw);
  const gap = slider(
    controls,
    "Seconds in a step",
    { values: { least: 0.001, most: 2, power: true }, start: 0.05, shown: (v) => v.toPrecision(2) },
    draw,
  );
  let seed = 0;
  button(controls, "Storm: any input at each step", () => {
    seed += 1;
    draw(true);
  });
  const colors = ["line", "second", "good"];
  const picture = chart(
    figures[0],
    [
      ...colors.map((color, i) => ({ label: `neuron ${i}`, color })),
      { label: "bound, above", color: "bad", dash: [6, 4] },
      { label: "bound, below", color: "bad", dash: [6, 4] },
    ],
    { x: "steps", y: "potential", range: [least - 0.25, most + 0.25] },
  );
  const ever = { steps: 0, low: Infinity, high: -Infinity, outside: 0 };

  function draw(storm) {
    const uniform = random(seed);
    const inputs = (i) =>
      storm === true
        ? [2000 * uniform() - 1000, 2000 * uniform() - 1000]
        : i < CALM
          ? [0, 0]
          : [first.value, second.value];
    net.init();
    const columns = Array.from({ length: 6 }, () => []);
    for (let i = 0; i < STEPS; i++) {
      net.stepReal(inputs(i), gap.value);
      columns[0].push(i);
      net.states.forEach((channel, k) => {
        const value = dequantise(net.h[k], channel);
        columns[k + 1].push(value);
        ever.low = Math.min(ever.low, value);
        ever.high = Math.max(ever.high, value);
        if (value < hull[k][0] || value > hull[k][1]) ever.outside += 1;
      });
      columns[4].push(most);
      columns[5].push(least);
    }
    picture.draw(columns);
    ever.steps += STEPS;
    say(
      `${ever.steps.toLocaleString("en")} steps until now: potentials from ${ever.low.toFixed(3)} to ${ever.high.toFixed(3)}; the theorem allows ${least} to ${most}. Outside the bound of their neuron: ${ever.outside}.`,
    );
  }

  draw();
}
