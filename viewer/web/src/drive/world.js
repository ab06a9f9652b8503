// A drive: several controllers, each in a car of its own, on one road in one weather. A seed and the
// times at which something was changed determine all of it, to the bit of every integer.
import { dequantise, quantise } from "../shared/network.js";
import { Car, clip, HALF_WIDTH, MAX_STEERING } from "./car.js";
import { Journey } from "./journey.js";
import { Road } from "./road.js";

const SETTLING = 4; // s, of which no error is counted, as in closed_loop.py
const KEPT = 600; // samples of the traces
const RECENT = 10; // s, of the recent error

// controllers: {name, network, clock, remote}: `clock` says that the elapsed time is the network's
// last input, not its dt; `remote`, of a board, is a function (world, x, dt) -> promise of {y, h}
export class World {
  constructor(controllers, seed, settings) {
    Object.assign(this, { controllers, seed, settings: { ...settings }, samples: 0, t: 0 });
    this.road = new Road(seed, settings.curviness);
    this.journey = new Journey(seed);
    this.road.reach(10);
    this.ready = true; // whether the next sample may be taken: no answer is awaited
    this.drivers = controllers.map((controller) => new Driver(controller, this));
    this.sample = null;
  }

  // The arc length of the car that is first, m.
  get first() {
    return Math.max(...this.drivers.map((driver) => driver.car.arc));
  }

  change(settings) {
    this.settings = { ...settings };
    this.road.setCurviness(settings.curviness, this.first);
  }

  // Take the next sample: the cars move on with their commands, sense, and are steered.
  step() {
    this.road.reach(this.first);
    this.sample = this.journey.sample(this.settings);
    this.samples += 1;
    this.t = this.sample.t;
    for (const driver of this.drivers) driver.step(this.sample, this.samples > 1);
    for (const driver of this.drivers) if (driver.remote) this._ask(driver);
  }

  // Wait for a board's answer; the world goes on when it is there.
  async _ask(driver) {
    const { y, h } = await driver.remote(this, driver.integers, driver.dt);
    driver.answered(y, h);
    this.ready = true;
  }
}

class Driver {
  constructor({ name, network, clock, remote }, world) {
    Object.assign(this, { name, network, clock, remote, world });
    this.car = new Car(world.road, world.journey.start);
    const sensors = clock ? network.inputs.slice(0, -1) : network.inputs;
    this.ranges = sensors.map((c) => [dequantise(c.lo, c), dequantise(c.hi, c)]);
    this.command = 0;
    this.errors = new Trace();
    [this.before, this.now] = [this._pose(0), this._pose(0)];
    this.sensed = sensors.map(() => 0);
    network.init();
    this.h = network.h;
  }

  step(sample, moves) {
    const { car, network } = this;
    if (moves) car.move(this.command, sample.dt);
    const x = car.sense(sample.sight, sample.noise, this.ranges, sample.lost);
    this.sensed = x;
    const given = this.clock ? [...x, sample.dt] : x;
    const integers = network.inputs.map((channel, i) => quantise(given[i], channel));
    const dt = network.dt ? quantise(sample.dt, network.dt) : 0;
    if (this.remote) this.world.ready = false;
    else this._steer(network.step(integers, dt)[0]);
    [this.before, this.now] = [this.now, this._pose(sample.t)];
    this.errors.add(sample.t, car.lateral, this.command);
    this.integers = integers;
    this.dt = dt;
  }

  answered(y, h) {
    this._steer(y[0]);
    this.h = h;
  }

  _steer(integer) {
    const steering = dequantise(integer, this.network.outputs[0]);
    this.command = clip(steering, -MAX_STEERING, MAX_STEERING);
  }

  _pose(t) {
    const { arc, lateral, heading, wheel, speed } = this.car;
    return { t, arc, lateral, heading, wheel, speed };
  }

  pose(t) {
    return Pose.between.call(this, t);
  }
}

// Where a car is at a time between the last two samples, `before` and `now`.
export const Pose = {
  between(t) {
    const { before, now } = this;
    const part = now.t > before.t ? clip((t - before.t) / (now.t - before.t), 0, 1) : 1;
    const of = (key) => before[key] + part * (now[key] - before[key]);
    const keys = ["arc", "lateral", "heading", "wheel", "speed"];
    return Object.fromEntries(keys.map((key) => [key, of(key)]));
  },
};

// Errors of a drive: the last samples, and sums since the settling time.
export class Trace {
  constructor() {
    [this.t, this.lateral, this.command] = [[], [], []];
    Object.assign(this, { count: 0, squares: 0, worst: 0, off: 0 });
  }

  add(t, lateral, command) {
    const dt = t - (this.t.at(-1) ?? t);
    for (const [list, value] of [[this.t, t], [this.lateral, lateral], [this.command, command]]) {
      list.push(value);
      if (list.length > KEPT) list.shift();
    }
    if (t <= SETTLING) return;
    this.count += 1;
    this.squares += lateral ** 2;
    this.worst = Math.max(this.worst, Math.abs(lateral));
    if (Math.abs(lateral) > HALF_WIDTH) this.off += dt;
  }

  // Root mean square since the settling time, m; NaN before it.
  get rms() {
    return this.count ? Math.sqrt(this.squares / this.count) : NaN;
  }

  get recent() {
    const from = this.t.findIndex((t) => t > Math.max(this.t.at(-1) - RECENT, SETTLING));
    if (from < 0) return NaN;
    const last = this.lateral.slice(from);
    return Math.sqrt(last.reduce((sum, value) => sum + value ** 2, 0) / last.length);
  }
}
