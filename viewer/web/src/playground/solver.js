// The solver and the closed form on the same wave, and what both cost as the sequence grows.
import { chart } from "./charts.js";
import { slider } from "./controls.js";
import { answers, noisyWave, rms } from "./waves.js";

const LENGTH = 160;

export function solver({ controls, figures, say }, nets, data, costs) {
  const noise = slider(
    controls,
    "Noise of the input",
    { values: { least: 0, most: 1, step: 0.05 }, start: 0.3, shown: (v) => v.toFixed(2) },
    draw,
  );
  const length = slider(
    controls,
    "Samples in the sequence",
    { values: { least: 10, most: 10000, power: true }, start: 1000, shown: (v) => whole(v) },
    draw,
  );
  const above = chart(
    figures[0],
    [
      { label: "the wave without noise", color: "good", dash: [6, 4] },
      { label: "LTC, solver", color: "second" },
      { label: "CfC, closed form", color: "line" },
    ],
    { x: "seconds", y: "", range: [-1.6, 1.6] },
  );
  const kinds = [
    ["LTC, 12 unfolds", "unfolds_12", "bad"],
    ["LTC, 6 unfolds", "ltc_50", "second"],
    ["LTC, 3 unfolds", "unfolds_3", "text"],
    ["LTC, 1 unfold", "unfolds_1", "good"],
    ["CfC", "cfc", "line"],
  ];
  const below = chart(
    figures[1],
    kinds.map(([label, , color]) => ({ label, color })),
    { x: "samples", y: "million instructions" },
  );

  function draw() {
    const wave = noisyWave(11, LENGTH, noise.value);
    const [ltc, cfc] = ["ltc_50", "cfc"].map((name) => answers(nets[name], wave).outputs);
    above.draw([wave.time, wave.clean, ltc, cfc]);
    const samples = Array.from({ length: 51 }, (_, i) => (length.value * i) / 50);
    const total = (name, n) => n * costs[name].instructions[1];
    below.draw([samples, ...kinds.map(([, name]) => samples.map((n) => total(name, n) / 1e6))]);
    const n = Math.round(length.value);
    say(
      `Left of the noise: ${rms(ltc, wave.clean).toFixed(3)} with the solver, ${rms(cfc, wave.clean).toFixed(3)} with the closed form (rms). ${whole(n)} samples take ${whole(total("ltc_50", n))} and ${whole(total("cfc", n))} instructions on a Cortex-M4: ${(total("ltc_50", 1) / total("cfc", 1)).toFixed(1)} times as many.`,
    );
  }

  draw();
}

function whole(value) {
  return Math.round(value).toLocaleString("en");
}
