// Draws roads and weathers as the page does; prints what they are like. Arguments: the folder of
// the page's scripts.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const script = (name) => import(pathToFileURL(join(process.argv[2], name)));
const [{ Road }, { Journey, SETTINGS }] = [await script("road.js"), await script("journey.js")];
const usual = Object.fromEntries(Object.entries(SETTINGS).map(([name, s]) => [name, s.usual]));
const draw = (seed, settings) => {
  const journey = new Journey(seed);
  return Array.from({ length: 4000 }, () => journey.sample({ ...usual, ...settings }));
};
const bend = (curviness, later) => {
  const road = new Road(3, curviness);
  road.reach(3000);
  if (later !== undefined) road.setCurviness(later, 1000);
  return { curvature: road.curvature, heading: road.heading };
};
console.log(
  JSON.stringify({
    usual: draw(7, {}),
    again: draw(7, {}),
    other: draw(8, {}),
    steady: draw(7, { jitter: 0, noise: 0, fog: 0 }),
    lossy: draw(7, { dropout: 0.25 }),
    road: bend(1),
    straight: bend(0),
    bent_later: bend(1, 0.5),
  }),
);
