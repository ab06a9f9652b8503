// Drives the page's car on a road and in a weather that Python drew. Arguments: the folder of the
// page's scripts, and a JSON file; prints what it sensed, where it was, and how the expert steered.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2);
const script = (name) => import(pathToFileURL(join(folder, name)));
const [{ Car }, { Road }] = [await script("car.js"), await script("road.js")];
const given = JSON.parse(readFileSync(file, "utf8"));
const road = Road.of(given.curvature);
const car = new Car(road, given.start);
const log = given.dt.map((dt, k) => {
  if (k) car.move(given.commands[k - 1], dt);
  const x = car.sense(given.sight[k], given.noise[k], given.ranges);
  const { x: east, y: north } = road.pose(car.arc, car.lateral);
  const { lateral, arc } = car;
  return { x, lateral, arc, expert: car.expert(), position: [east, north] };
});
console.log(JSON.stringify({ log, heading: road.heading, x: road.x, y: road.y }));
