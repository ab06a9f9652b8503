// What is left of the noise, as it grows, for circuits that were trained up to 0.8.
import { chart } from "./charts.js";
import { slider } from "./controls.js";
import { answers, noisyWave, rms } from "./waves.js";

const LEVELS = Array.from({ length: 11 }, (_, i) => 0.15 * i);
const LENGTH = 160;

export function noise({ controls, figures, say }, nets, data) {
  const many = slider(controls, "Waves at each level", { values: [1, 2, 4, 8, 16], start: 4 }, draw);
  const names = { cfc: "CfC, closed form", ltc_50: "LTC, sparsity 0.5", ltc_90: "LTC, sparsity 0.9" };
  const colors = ["line", "second", "good"];
  const picture = chart(
    figures[0],
    [
      { label: "the input itself", color: "soft", width: 1 },
      ...Object.values(names).map((label, i) => ({ label, color: colors[i] })),
    ],
    { x: "noise of the input (standard deviation)", y: "error, rms", range: [0, 1.3] },
  );

  function draw() {
    const columns = [LEVELS, [], ...Object.keys(names).map(() => [])];
    for (const level of LEVELS) {
      const waves = Array.from({ length: many.value }, (_, i) => noisyWave(100 + i, LENGTH, level));
      const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
      columns[1].push(mean(waves.map((wave) => rms(wave.seen, wave.clean))));
      Object.keys(names).forEach((name, i) => {
        const errors = waves.map((wave) => rms(answers(nets[name], wave).outputs, wave.clean));
        columns[i + 2].push(mean(errors));
      });
    }
    picture.draw(columns);
    const at = LEVELS.length - 1;
    const best = columns.slice(2).map((column) => column[at]);
    const list = Object.values(names).map((label, i) => `${label} ${best[i].toFixed(2)}`);
    say(`At a noise of ${LEVELS[at].toFixed(2)}, nearly twice what they were trained with, the error of the input is ${columns[1][at].toFixed(2)}; ${list.join(", ")}.`);
  }

  draw();
}
