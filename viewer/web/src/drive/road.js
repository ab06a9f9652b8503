// An endless winding road: trainer/tasks/lane/road.py, drawn piece by piece as the cars go on.
import { uniforms } from "./random.js";

export const SPACING = 0.5; // m, between two points of a centreline
export const TIGHTEST = 0.045; // 1/m
const CLOTHOID = 18; // m
const WINDOW = CLOTHOID / SPACING;
const AHEAD = 260; // m, that are drawn before they are needed
const MORPH = 24; // m before the first car, where another curviness begins

export class Road {
  // curviness: a factor of the bends' usual curvature
  constructor(seed, curviness = 1) {
    this._uniform = uniforms(seed, 1);
    this._side = this._uniform() < 0.5 ? -1 : 1;
    this._raw = new Array(30 / SPACING).fill(0); // straight at first
    this._factor = [];
    this._curviness = curviness;
    this.curvature = [];
    this.heading = [];
    this.x = [];
    this.y = [];
  }

  // A road of given curvature, 1/m, at points SPACING apart.
  static of(curvature) {
    const road = new Road(0);
    road._draw = () => {};
    road.curvature = Array.from(curvature);
    road._integrate(0);
    return road;
  }

  // Draw on, if the car that is first comes near the end of what there is.
  reach(arc) {
    while ((this.curvature.length - 2) * SPACING < arc + AHEAD && this._draw() !== undefined);
  }

  // Bends that begin beyond the car that is first get this curviness; the road is bent anew.
  setCurviness(curviness, arc) {
    if (curviness === this._curviness) return;
    this._curviness = curviness;
    const first = Math.ceil((arc + MORPH) / SPACING);
    for (let i = first; i < this._factor.length; i++) this._factor[i] = curviness;
    const begin = Math.max(first - WINDOW, 0);
    this.curvature.length = Math.min(this.curvature.length, begin);
    this._smooth();
  }

  // The curvature at an arc length in m: linear between the points.
  at(arc) {
    const place = arc / SPACING;
    const below = Math.trunc(place);
    const here = this.curvature[below];
    return here + (place - below) * (this.curvature[below + 1] - here);
  }

  // Where a point at an arc length, so far left of the centreline, is: x, y and the road's heading.
  pose(arc, lateral = 0) {
    const place = Math.min(Math.max(arc / SPACING, 0), this.x.length - 1.001);
    const below = Math.trunc(place);
    const part = place - below;
    const between = (values) => values[below] + part * (values[below + 1] - values[below]);
    const heading = between(this.heading);
    return {
      x: between(this.x) - lateral * Math.sin(heading),
      y: between(this.y) + lateral * Math.cos(heading),
      heading,
    };
  }

  // One stretch more: a straight, or a bend of random curvature.
  _draw() {
    const uniform = this._uniform;
    const bend = uniform() < 0.75;
    const points = Math.trunc((25 + 45 * uniform()) / SPACING);
    const curvature = bend ? this._side * (0.2 + 0.8 * uniform()) * TIGHTEST : 0;
    for (let i = 0; i < points; i++) this._raw.push(curvature);
    if (bend && uniform() < 0.8) this._side = -this._side;
    while (this._factor.length < this._raw.length) this._factor.push(this._curviness);
    this._smooth();
    return points;
  }

  // Clothoids between the stretches: the mean over the window, as far as it is known.
  _smooth() {
    const first = this.curvature.length;
    for (let i = first; i < this._raw.length - WINDOW / 2; i++) {
      let sum = 0;
      for (let j = Math.max(i - WINDOW / 2, 0); j < i + WINDOW / 2; j++) {
        sum += this._raw[j] * this._factor[j];
      }
      this.curvature.push(sum / WINDOW);
    }
    this._integrate(first);
  }

  // Heading and centreline from point `first` on. Each piece has the heading of its middle.
  _integrate(first) {
    if (first === 0) [this.heading[0], this.x[0], this.y[0]] = [0, 0, 0];
    for (let i = Math.max(first, 1); i < this.curvature.length; i++) {
      const step = 0.5 * SPACING * (this.curvature[i] + this.curvature[i - 1]);
      this.heading[i] = this.heading[i - 1] + step;
      const middle = 0.5 * (this.heading[i] + this.heading[i - 1]);
      this.x[i] = this.x[i - 1] + SPACING * Math.cos(middle);
      this.y[i] = this.y[i - 1] + SPACING * Math.sin(middle);
    }
  }
}
