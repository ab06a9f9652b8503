// A drive as a watcher sees it: what the driver's page sends with each step. It can be shown as a
// `World` can.
import { Road, SPACING } from "./road.js";
import { Pose, Trace } from "./world.js";

const [BEHIND, BEFORE, EVERY] = [14, 130, 4]; // m of the road that are sent, and points between two

// What a driver's page sends of its world.
export function picture(world) {
  const { arc } = world.drivers[0].now;
  const first = Math.max(Math.floor((arc - BEHIND) / SPACING), 0);
  const last = Math.ceil((arc + BEFORE) / SPACING);
  const curvature = [];
  for (let i = first; i <= last; i += EVERY) curvature.push(round(world.road.curvature[i] ?? 0, 1e6));
  return {
    seed: world.seed,
    settings: world.settings,
    first,
    curvature,
    t: round(world.t, 1e4),
    sight: round(world.sample.sight, 10),
    lost: world.sample.lost.map(Number),
    cars: world.drivers.map(({ now, command }) =>
      [now.arc, now.lateral, now.heading, now.wheel, now.speed, command].map((v) => round(v, 1e5)),
    ),
  };
}

export class Watched {
  constructor(names) {
    this.drivers = names.map((name) => ({ name, errors: new Trace(), ...still() }));
    Object.assign(this, { t: 0, samples: 0, sample: { sight: 45, lost: [] }, settings: null, seed: 0 });
    this.road = Road.of(new Array(400).fill(0));
    for (const driver of this.drivers) driver.pose = Pose.between;
  }

  take(k, { seed, settings, first, curvature, t, sight, lost, cars }) {
    if (t < this.t) for (const driver of this.drivers) driver.errors = new Trace();
    Object.assign(this, { t, settings, seed, samples: k, sample: { sight, lost } });
    const dense = [];
    for (let i = 0; i < EVERY * (curvature.length - 1); i++) {
      const [below, part] = [Math.floor(i / EVERY), (i % EVERY) / EVERY];
      dense.push(curvature[below] + part * (curvature[below + 1] - curvature[below]));
    }
    this.road = Road.of(dense);
    const start = first * SPACING;
    cars.slice(0, this.drivers.length).forEach((values, i) => {
      const driver = this.drivers[i];
      const [arc, lateral, heading, wheel, speed, command] = values.map(Number);
      const shift = start - (driver.start ?? start);
      driver.before = { ...driver.now, arc: driver.now.arc - shift };
      driver.now = { t, arc: arc - start, lateral, heading, wheel, speed };
      Object.assign(driver, { start, command });
      driver.errors.add(t, lateral, command);
    });
  }
}

function still() {
  const pose = () => ({ t: 0, arc: 10, lateral: 0, heading: 0, wheel: 0, speed: 0 });
  return { before: pose(), now: pose(), command: 0 };
}

function round(value, factor) {
  return Math.round(value * factor) / factor;
}
