// The address of a drive: the seed, the sliders and the cuts, after the #.
import { clip } from "./car.js";
import { SETTINGS } from "./journey.js";

const MOST_SEED = 999999;

// settings, seed, cuts (a set of indices), and the beginning of the model's digest
export function toFragment({ settings, seed, cuts }, digest) {
  const parts = { seed, ...settings };
  if (cuts.size) Object.assign(parts, { model: digest.slice(0, 8), cuts: [...cuts].sort((a, b) => a - b).join(".") });
  return `#${new URLSearchParams(parts)}`;
}

// The same from a fragment; what is missing or makes no sense is as usual. Cuts are those of one
// model, so those of another are left out.
export function fromFragment(fragment, digest, synapses) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const settings = {};
  for (const [name, { usual, range }] of Object.entries(SETTINGS)) {
    const value = given.has(name) ? Number(given.get(name)) : NaN;
    settings[name] = Number.isFinite(value) ? clip(value, ...range) : usual;
  }
  const seed = Number.parseInt(given.get("seed"), 10);
  const own = given.get("model") === digest.slice(0, 8);
  const cuts = own ? (given.get("cuts") ?? "").split(".").map((text) => Number.parseInt(text, 10)) : [];
  return {
    settings,
    seed: Number.isFinite(seed) ? clip(seed, 0, MOST_SEED) : 302,
    cuts: new Set(cuts.filter((index) => index >= 0 && index < synapses)),
  };
}

// A recording: the start, and every change with the number of samples before it.
export function readRecording(text, digest, synapses) {
  const data = JSON.parse(text);
  if (data?.kind !== "elegans drive" || !Array.isArray(data.events)) throw new Error("no recording");
  if (data.model !== digest) throw new Error("a recording of another model");
  const state = (fragment) => fromFragment(String(fragment), digest, synapses);
  return {
    start: state(data.start),
    samples: clip(Math.trunc(Number(data.samples)) || 0, 0, 1e7),
    events: data.events.slice(0, 100000).map(({ sample, state: text }) => ({
      sample: Math.trunc(Number(sample)) || 0,
      state: state(text),
    })),
  };
}
