// Runs a network on golden vectors in node. Arguments: network.js, and a JSON file with `data` of
// the network, rows of `x`, `dt` and `h`, and `cut`, addresses of weights to be zeroed. Prints the
// rows of y and of h after each step, from its own row of h, and the model's digest.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [script, file] = process.argv.slice(2);
const { dequantise, network, quantise } = await import(pathToFileURL(script));
const { data, x, dt, h, cut, reals } = JSON.parse(readFileSync(file, "utf8"));
const net = await network(data);
for (const at of cut) net.setWeight(at, 0);
const rows = x.map((inputs, i) => {
  net.setStates(h[i]);
  return { y: Array.from(net.step(inputs, dt[i])), h: Array.from(net.h) };
});
const integers = reals.map((row) => row.map((value, i) => quantise(value, data.inputs[i])));
const back = integers.map((row) => row.map((value, i) => dequantise(value, data.inputs[i])));
console.log(JSON.stringify({ rows, integers, back, digest: net.digest }));
