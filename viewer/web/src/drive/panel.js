// What people set and read: sliders, the table of controllers, the words under the view.
import { SETTINGS } from "./journey.js";

const TEXTS = {
  curviness: (v) => `${Math.round(100 * v)} %`,
  noise: (v) => `${v.toFixed(1)} ×`,
  fog: (v) => `${Math.round(100 * v)} %`,
  dropout: (v) => `${Math.round(100 * v)} %`,
  jitter: (v) => `${v.toFixed(1)} ×`,
};

// Wire the sliders: changed(settings) is called while one moves. Returns a function that sets them.
export function sliders(form, changed) {
  const inputs = Object.keys(SETTINGS).map((name) => form.elements[name]);
  const tell = (input) => {
    const text = TEXTS[input.name](Number(input.value));
    form.querySelector(`output[for="${input.id}"]`).textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  for (const input of inputs) {
    [input.min, input.max] = SETTINGS[input.name].range;
    input.step = 0.01;
    input.addEventListener("input", () => {
      tell(input);
      changed(Object.fromEntries(inputs.map((one) => [one.name, Number(one.value)])));
    });
  }
  return (settings) => {
    for (const input of inputs) {
      input.value = settings[input.name];
      tell(input);
    }
  };
}

// Show the errors of each driver in its row of the table; the least of the recent ones is marked.
export function showErrors(body, drivers) {
  const least = Math.min(...drivers.map((driver) => driver.errors.recent));
  drivers.forEach((driver, i) => {
    const { recent, rms, worst, off, count } = driver.errors;
    const row = body.rows[i];
    row.classList.toggle("least", recent === least);
    const texts = [
      number(recent),
      number(rms),
      number(count ? worst : NaN),
      off ? `${off.toFixed(1)} s` : "never",
    ];
    texts.forEach((text, column) => setText(row.cells[column + 2], text));
    row.classList.toggle("off", Math.abs(driver.now.lateral) > 1.75);
  });
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function centimetres(metres) {
  return `${number(metres)} cm`;
}

// Metres as a number of centimetres.
function number(metres) {
  return Number.isFinite(metres) ? (100 * metres).toFixed(1) : "–";
}
