// Circuits of 19 LTC neurons from nearly dense to very sparse, each trained for the same task.
import { chart } from "./charts.js";
import { circuit } from "./circuit.js";
import { slider } from "./controls.js";
import { answers, noisyWave, rms } from "./waves.js";

const LENGTH = 160;

export function wiring({ controls, figures, say }, nets, data, costs) {
  const names = Object.keys(data).filter((name) => name.startsWith("ltc_"));
  const levels = names.map((name) => Number(name.split("_")[1])).sort((a, b) => a - b);
  const level = slider(
    controls,
    "Sparsity",
    { values: levels, start: 50, shown: (v) => (v / 100).toFixed(1) },
    draw,
  );
  const moment = slider(
    controls,
    "Moment",
    { values: { least: 0, most: LENGTH - 1, step: 1 }, start: 40, shown: (v) => `sample ${v}` },
    glow,
  );
  const picture = chart(
    figures[1],
    [
      { label: "input, with noise", color: "soft", width: 1 },
      { label: "the wave without it", color: "good", dash: [6, 4] },
      { label: "motor neuron", color: "line" },
    ],
    { x: "seconds", y: "", range: [-2.1, 2.1] },
  );
  const wave = noisyWave(7, LENGTH, 0.4);
  let drawing;
  let found;

  function draw() {
    const name = `ltc_${level.value}`;
    drawing = circuit(figures[0], data[name]);
    found = answers(nets[name], wave);
    picture.draw([wave.time, wave.seen, wave.clean, found.outputs]);
    glow();
    const { instructions, flash } = costs[name];
    say(
      `${data[name].synapses.length} synapses. A step takes ${instructions[1].toLocaleString("en")} instructions and ${flash.toLocaleString("en")} bytes of flash on a Cortex-M4. The noise of the input is ${rms(wave.seen, wave.clean).toFixed(2)}, what is left of it ${rms(found.outputs, wave.clean).toFixed(2)} (rms).`,
    );
  }

  function glow() {
    drawing.glow(found.states[moment.value], wave.seen[moment.value]);
  }

  draw();
}
