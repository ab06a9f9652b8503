// Inputs for the networks, the same for the same seed.

export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0; // mulberry32
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function normal(uniform) {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

// Inputs of the first chapters, by name: a function of seconds, from -1 to 1.
export const SHAPES = {
  step: { text: "a step", at: (t) => (t < 1 ? 0 : 1) },
  pulses: { text: "pulses", at: (t) => (t % 4 < 1 ? 1 : 0) },
  wave: { text: "a slow wave", at: (t) => Math.sin((2 * Math.PI * t) / 5) },
  quick: { text: "a quick wave", at: (t) => Math.sin(2 * Math.PI * t * 2) },
};

// What the circuits are trained on: a wave at irregular times, with noise, clamped to ±2.
export function noisyWave(seed, count, noise) {
  const uniform = random(seed);
  const found = { time: [], dt: [], clean: [], seen: [] };
  const phase = 2 * Math.PI * uniform();
  let time = 0;
  for (let i = 0; i < count; i++) {
    const dt = 0.02 + 0.08 * uniform();
    time += dt;
    const clean = Math.sin(2 * time + phase);
    const seen = Math.max(-2, Math.min(2, clean + noise * normal(uniform)));
    found.time.push(time);
    found.dt.push(dt);
    found.clean.push(clean);
    found.seen.push(seen);
  }
  return found;
}

// The output of a network for a wave, from its initial state, and its states at each step.
export function answers(net, wave) {
  net.init();
  const outputs = [];
  const states = [];
  wave.seen.forEach((x, i) => {
    outputs.push(net.stepReal([x], wave.dt[i])[0]);
    states.push(net.states.map((channel, k) => net.h[k] / 2 ** channel.frac));
  });
  return { outputs, states };
}

// Root mean square of a difference, without the first samples, in which a network wakes up.
export function rms(a, b, from = 16) {
  let sum = 0;
  for (let i = from; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum / (a.length - from));
}
