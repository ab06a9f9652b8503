// The view from behind a car: a flat world in perspective, on a canvas.
import { HALF_WIDTH, LOOK_AHEAD, RAIL } from "./car.js";

const [BACK, HEIGHT, FAR, NEAR] = [9, 3.3, 110, 1.2]; // m: camera behind the car, above it; view
const HORIZON = 0.36; // of the picture's height
const POST = 12; // m between the posts of the rails
const DASH = [3, 6]; // m: a dash, and from one to the next
const BODY = { length: 4.2, width: 1.8, height: 0.85, roof: 1.45 };

export class Scene {
  constructor(canvas, colour) {
    Object.assign(this, { canvas, colour, context: canvas.getContext("2d") });
    this.colours = {};
    this.theme();
  }

  // Read the colours of the page's style, which follow the system's light or dark.
  theme() {
    const style = getComputedStyle(this.canvas);
    for (const name of ["sky", "haze", "land", "road", "paint", "rail", "glass"]) {
      this.colours[name] = style.getPropertyValue(`--${name}`).trim();
    }
    this.colours.car = style.getPropertyValue(this.colour).trim();
  }

  // As many pixels as the screen has for the canvas.
  resize() {
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    const { clientWidth, clientHeight } = this.canvas;
    const [width, height] = [Math.round(clientWidth * scale), Math.round(clientHeight * scale)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
    }
  }

  // pose of the car; road; sight in m; lost: the readings that are lost
  draw(pose, road, sight, lost) {
    const { canvas, context, colours } = this;
    if (!canvas.width || !canvas.height) return; // it is not laid out yet
    const here = road.pose(pose.arc, pose.lateral);
    const ahead = road.pose(pose.arc + 9);
    const yaw = Math.atan2(ahead.y - here.y, ahead.x - here.x) * 0.75 + here.heading * 0.25;
    this.eye = { x: here.x - BACK * Math.cos(yaw), y: here.y - BACK * Math.sin(yaw), yaw };
    this.focal = 0.95 * Math.max(canvas.height * 1.25, canvas.width * 0.62);
    const horizon = HORIZON * canvas.height;
    const sky = context.createLinearGradient(0, 0, 0, horizon);
    sky.addColorStop(0, colours.sky);
    sky.addColorStop(1, colours.haze);
    context.fillStyle = sky;
    context.fillRect(0, 0, canvas.width, horizon + 1);
    context.fillStyle = colours.land;
    context.fillRect(0, horizon, canvas.width, canvas.height - horizon);
    const start = Math.max(pose.arc - BACK - 2, 0);
    const points = [];
    for (let d = 0; d < FAR + BACK; d += d < 40 ? 1 : 3) points.push(road.pose(start + d));
    this._stripe(points, -3.4, 3.4, colours.road);
    for (const side of [-1, 1]) {
      this._stripe(points, side * HALF_WIDTH - 0.07, side * HALF_WIDTH + 0.07, colours.paint);
    }
    this._dashes(road, start);
    this._rails(road, start, points);
    this._fog(sight);
    this._seen(road, pose, sight, lost);
    this._car(here, here.heading + pose.heading, pose.wheel);
  }

  // A point of the world, z above the ground, on the canvas: [x, y, distance]; null behind the eye.
  _at(x, y, z = 0) {
    const { eye, focal, canvas } = this;
    const [dx, dy] = [x - eye.x, y - eye.y];
    const forward = dx * Math.cos(eye.yaw) + dy * Math.sin(eye.yaw);
    const left = dy * Math.cos(eye.yaw) - dx * Math.sin(eye.yaw);
    if (forward < NEAR) return null;
    const scale = focal / forward;
    const down = (HEIGHT - z) * scale;
    return [canvas.width / 2 - left * scale, HORIZON * canvas.height + down, forward];
  }

  _beside(point, lateral, z = 0) {
    const { x, y, heading } = point;
    return this._at(x - lateral * Math.sin(heading), y + lateral * Math.cos(heading), z);
  }

  // Fill between two lines along the road.
  _stripe(points, right, left, colour) {
    const one = points.map((point) => this._beside(point, right)).filter(Boolean);
    const other = points.map((point) => this._beside(point, left)).filter(Boolean);
    this._fill([...one, ...other.reverse()], colour);
  }

  _fill(corners, colour) {
    if (corners.length < 3) return;
    const { context } = this;
    context.beginPath();
    for (const [x, y] of corners) context.lineTo(x, y);
    context.closePath();
    context.fillStyle = colour;
    context.fill();
  }

  _dashes(road, start) {
    this.context.globalAlpha = 0.35; // the line that the car is to follow
    for (let arc = Math.ceil(start / DASH[1]) * DASH[1]; arc < start + 70; arc += DASH[1]) {
      const points = [road.pose(arc), road.pose(arc + DASH[0])];
      this._stripe(points, -0.06, 0.06, this.colours.paint);
    }
    this.context.globalAlpha = 1;
  }

  _rails(road, start, points) {
    const { context, colours } = this;
    context.strokeStyle = colours.rail;
    for (const side of [-RAIL, RAIL]) {
      context.lineWidth = Math.max(this.canvas.height / 260, 1);
      context.beginPath();
      for (const point of points) {
        const at = this._beside(point, side, 0.7);
        if (at) context.lineTo(at[0], at[1]);
      }
      context.stroke();
      for (let arc = Math.ceil(start / POST) * POST; arc < start + FAR; arc += POST) {
        const foot = this._beside(road.pose(arc), side);
        const top = this._beside(road.pose(arc), side, 0.7);
        if (!foot || !top) continue;
        context.lineWidth = Math.max((0.12 * this.focal) / foot[2], 0.5);
        context.beginPath();
        context.moveTo(foot[0], foot[1]);
        context.lineTo(top[0], top[1]);
        context.stroke();
      }
    }
  }

  // A veil over all that is farther than the sensors see.
  _fog(sight) {
    const { canvas, context, colours } = this;
    const horizon = HORIZON * canvas.height;
    const [top, end] = [0.35 * horizon, horizon + (HEIGHT * this.focal) / (sight + BACK)];
    const veil = context.createLinearGradient(0, top, 0, end);
    veil.addColorStop(0, `${colours.haze}00`);
    veil.addColorStop((horizon - top) / (end - top), colours.haze);
    veil.addColorStop(Math.min((horizon - top) / (end - top) + 0.12, 1), colours.haze);
    veil.addColorStop(1, `${colours.haze}00`);
    context.globalAlpha = Math.min(Math.max((46 - sight) / 26, 0), 1);
    context.fillStyle = veil;
    context.fillRect(0, top, canvas.width, end - top);
    context.globalAlpha = 1;
  }

  // The places at which the car sees the road's curvature; hollow where fog or a fault hides them.
  _seen(road, pose, sight, lost) {
    const { context, colours } = this;
    LOOK_AHEAD.forEach((ahead, i) => {
      const point = road.pose(pose.arc + ahead);
      const at = this._at(point.x, point.y, 0.05);
      if (!at) return;
      const size = Math.max((0.32 * this.focal) / at[2], 1.5);
      context.beginPath();
      context.ellipse(at[0], at[1], size, size * 0.45, 0, 0, 2 * Math.PI);
      const hidden = sight < ahead || lost[3 + i];
      context.globalAlpha = hidden ? 0.7 : 0.9;
      context.lineWidth = Math.max(size / 6, 1);
      context.strokeStyle = context.fillStyle = colours.car;
      if (hidden) context.stroke();
      else context.fill();
      context.globalAlpha = 1;
    });
  }

  _car(here, yaw, wheel) {
    const { colours, context } = this;
    const [cos, sin] = [Math.cos(yaw), Math.sin(yaw)];
    // A point so far before the middle of the car, left of it and above the ground.
    const at = (forward, left, z) =>
      this._at(here.x + forward * cos - left * sin, here.y + forward * sin + left * cos, z);
    const { length, width, height, roof } = BODY;
    const [rear, front, half] = [-length / 2, length / 2, width / 2];
    context.globalAlpha = 0.35;
    this._face("#000", [at(rear, 1.1, 0), at(rear, -1.1, 0), at(front, -1.1, 0), at(front, 1.1, 0)]);
    context.globalAlpha = 1;
    for (const side of [1, -1]) {
      this._wheel(at, 1.35, side * 0.84, 2 * wheel);
      this._wheel(at, -1.35, side * 0.84, 0);
    }
    const body = { back: [rear, 0.25, rear, height], front: [front, front], half: [half, half] };
    this._block(at, body, [-0.28, 0.06, -0.12].map((part) => shade(colours.car, part)));
    const cabin = { back: [rear + 0.25, height, rear + 0.6, roof], front: [0.8, 0.2], half: [half - 0.08, half - 0.25] };
    this._block(at, cabin, [colours.glass, shade(colours.car, 0.14), colours.glass]);
    for (const side of [1, -1]) {
      const lamp = [[0.5, 0.55], [0.82, 0.55], [0.82, 0.73], [0.5, 0.73]];
      this._face("#e5484d", lamp.map(([left, z]) => at(rear - 0.01, side * left, z)));
    }
  }

  // A block that may be narrower above: its sides, its top and its back, in these colours.
  _block(at, { back: [low, z0, high, z1], front: [below, above], half: [wide, narrow] }, colours) {
    for (const side of [1, -1]) {
      const [w, n] = [side * wide, side * narrow];
      this._face(colours[0], [at(low, w, z0), at(below, w, z0), at(above, n, z1), at(high, n, z1)]);
    }
    const top = [at(high, narrow, z1), at(high, -narrow, z1), at(above, -narrow, z1), at(above, narrow, z1)];
    this._face(colours[1], top);
    const back = [at(low, wide, z0), at(low, -wide, z0), at(high, -narrow, z1), at(high, narrow, z1)];
    this._face(colours[2], back);
  }

  _wheel(at, forward, left, angle) {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const part = (f, l, z) => at(forward + f * c - l * s, left + f * s + l * c, z);
    for (const l of [0.13, -0.13]) {
      this._face("#15181c", [part(-0.34, l, 0), part(0.34, l, 0), part(0.34, l, 0.64), part(-0.34, l, 0.64)]);
    }
    this._face("#0d1013", [part(-0.34, 0.13, 0), part(-0.34, -0.13, 0), part(-0.34, -0.13, 0.64), part(-0.34, 0.13, 0.64)]);
  }

  _face(colour, corners) {
    if (corners.every(Boolean)) this._fill(corners, colour);
  }
}

// A colour #rrggbb, lighter or darker by a part.
function shade(colour, part) {
  const full = colour.length === 4 ? colour.replace(/[^#]/g, "$&$&") : colour;
  const towards = part > 0 ? 255 : 0;
  const channels = [1, 3, 5].map((i) => parseInt(full.slice(i, i + 2), 16));
  const mixed = channels.map((c) => Math.round(c + Math.abs(part) * (towards - c)));
  return `rgb(${mixed.join(" ")})`;
}
