// The car and its sensors: trainer/tasks/lane/car.py, one car at a time.
export const LOOK_AHEAD = [3, 8, 15, 24, 36]; // m
export const MAX_STEERING = 0.35; // rad
export const HALF_WIDTH = 1.75; // m, of the lane
export const RAIL = 6; // m, of the guard rails from the centreline

const WHEELBASE = 2.7; // m
const LAG = 0.1; // s, of the steering
const SUBSTEPS = 5;

export class Car {
  // start: lateral error in m, heading error in rad
  constructor(road, start) {
    this.road = road;
    [this.lateral, this.heading] = start;
    [this.arc, this.speed, this.wheel] = [10, 10, 0];
  }

  // The sensors, [8]: noisy, 0 beyond the fog, clipped to `ranges` [8][2], and rounded to float32.
  // sight in m; noise [8] in the sensors' units; lost [8]: whether a reading is lost and reads 0
  sense(sight, noise, ranges, lost = []) {
    const truth = [this.lateral, this.heading, this.speed];
    for (const ahead of LOOK_AHEAD) truth.push(this.road.at(this.arc + ahead));
    return truth.map((value, i) => {
      const hidden = (i >= 3 && sight < LOOK_AHEAD[i - 3]) || lost[i];
      const read = hidden ? 0 : value + noise[i];
      return Math.fround(Math.min(Math.max(read, ranges[i][0]), ranges[i][1]));
    });
  }

  // What the expert, who knows the true errors, would steer, rad (Hoffmann et al. 2007).
  expert() {
    const bend = Math.atan(WHEELBASE * this.road.at(this.arc + 1.5 * LAG * this.speed));
    const correction = -0.8 * this.heading - Math.atan((0.9 * this.lateral) / (this.speed + 1));
    return clip(bend + correction, -MAX_STEERING, MAX_STEERING);
  }

  // Move on with a steering command, rad, held for dt seconds.
  move(command, dt) {
    const seen = [0, ...LOOK_AHEAD].map((ahead) => Math.abs(this.road.at(this.arc + ahead)));
    const wanted = clip(Math.sqrt(3 / Math.max(...seen, 1e-3)), 5, 17);
    const step = dt / SUBSTEPS;
    for (let i = 0; i < SUBSTEPS; i++) {
      const bend = this.road.at(this.arc);
      this.wheel += (command - this.wheel) * (1 - Math.exp(-step / LAG));
      this.speed += step * clip(wanted - this.speed, -4, 2);
      const distance = step * this.speed;
      const along = (distance * Math.cos(this.heading)) / (1 - this.lateral * bend);
      const lateral = this.lateral + distance * Math.sin(this.heading);
      this.heading += (distance * Math.tan(this.wheel)) / WHEELBASE - bend * along;
      this.arc += Math.max(along, 0);
      this.lateral = clip(lateral, -RAIL, RAIL);
      this.heading = clip(this.heading, -1.2, 1.2);
    }
  }
}

export function clip(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
