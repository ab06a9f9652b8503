// The weather of a drive, sample by sample: trainer/tasks/lane/journey.py, drawn as it is needed.
// Each sample draws as many numbers as any other, whatever the settings are: a slider changes what
// is made of the numbers, and never which numbers follow.
import { clip, LOOK_AHEAD } from "./car.js";
import { normals, uniforms } from "./random.js";

// Standard deviation of each sensor's noise, in its unit.
const NOISE = [0.08, 0.012, 0.2, ...LOOK_AHEAD.map((ahead) => 0.0012 + 0.0001 * ahead)];
const [CLEAR_SIGHT, LEAST_SIGHT] = [45, 4]; // m
const USUAL_DT = 0.0405; // s, the mean of a sample that is not late
const DT_RANGE = [0.0205, 0.0995]; // s, inside what the networks were declared for

// The settings: factors of what the circuit was trained with, and their ranges.
export const SETTINGS = {
  curviness: { usual: 1, range: [0, 1.35] },
  noise: { usual: 1, range: [0, 6] },
  fog: { usual: 0.7, range: [0, 1] },
  dropout: { usual: 0, range: [0, 0.5] }, // share of readings that are lost
  jitter: { usual: 1, range: [0, 2.5] }, // of the clock
};

export class Journey {
  constructor(seed) {
    const start = normals(uniforms(seed, 2));
    this.start = [0.3 * start(), 0.03 * start()];
    this._clock = uniforms(seed, 3);
    this._normal = normals(uniforms(seed, 4));
    this._lost = uniforms(seed, 5);
    const phase = uniforms(seed, 6);
    this._waves = [0, 1].map(() => ({ phase: 2 * Math.PI * phase(), period: 7 + 12 * phase() }));
    this._t = 0;
  }

  // The next sample: dt in s, t in s, sight in m, noise [8] in the sensors' units, and lost [8].
  sample(settings) {
    const [kind, part] = [this._clock(), this._clock()];
    const drawn = kind < 0.2 ? 0.06 + 0.039 * part : 0.021 + 0.039 * part;
    const jittered = USUAL_DT + settings.jitter * (drawn - USUAL_DT);
    const dt = Math.fround(clip(jittered, ...DT_RANGE));
    this._t += dt;
    let waves = 0;
    for (const { phase, period } of this._waves) {
      waves += Math.sin((2 * Math.PI * this._t) / period + phase);
    }
    const bank = clip(0.5 + 0.6 * waves, 0, 1);
    const sight = Math.max(CLEAR_SIGHT * (1 - settings.fog * bank), LEAST_SIGHT);
    const noise = NOISE.map((deviation) => settings.noise * deviation * this._normal());
    const lost = NOISE.map(() => this._lost() < settings.dropout);
    return { dt, t: this._t, sight, noise, lost };
  }
}
