// A circuit from its trained weights: sensory, inter, command and motor neurons in columns.
import { scaleLinear, scalePoint } from "d3-scale";
import { select } from "d3-selection";
import { linkHorizontal } from "d3-shape";

const HEIGHT = 360;
const MARGIN = 34;
const link = linkHorizontal()
  .x((p) => p[0])
  .y((p) => p[1]);

// Draws {layers, synapses} into `place`; `glow(states)` then colours the neurons.
export function circuit(place, { layers, synapses }) {
  const groups = [["sensory", 1], ...layers];
  const width = Math.min(640, Math.max(280, place.clientWidth));
  const names = groups.map(([name]) => name);
  const columns = scalePoint(names, [MARGIN, width - MARGIN]);
  const nodes = placed(groups, columns);
  const strength = scaleLinear([0, 1], [0.4, 3.5]);
  const svg = select(place)
    .html("")
    .append("svg")
    .attr("class", "circuit")
    .attr("viewBox", `0 0 ${width} ${HEIGHT}`)
    .attr("role", "group")
    .attr("aria-label", `A circuit with ${synapses.length} synapses. Tab goes from neuron to neuron.`);
  svg
    .selectAll("text")
    .data(groups)
    .join("text")
    .attr("x", ([name]) => columns(name))
    .attr("y", 14)
    .attr("text-anchor", "middle")
    .text(([name, size]) => `${name} ${size}`);
  const paths = svg
    .selectAll("path")
    .data(synapses)
    .join("path")
    .attr("class", ([, , sign]) => (sign > 0 ? "excites" : sign < 0 ? "inhibits" : ""))
    .attr("stroke-width", ([, , , size]) => strength(size))
    .attr("d", ([from, to]) => curve(nodes.get(from), nodes.get(to)));
  const trace = (id) => {
    svg.classed("traced", id !== null);
    paths.classed("on", ([from, to]) => from === id || to === id);
  };
  const marks = svg
    .selectAll("g")
    .data([...nodes.values()])
    .join("g")
    .attr("tabindex", 0)
    .attr("role", "img")
    .attr("aria-label", (node) => described(node, nodes, synapses))
    .on("mouseenter focus", (_, node) => trace(node.id))
    .on("mouseleave blur", () => trace(null));
  marks.append("title").text((node) => described(node, nodes, synapses));
  const circles = marks
    .append("circle")
    .attr("cx", (node) => node.x)
    .attr("cy", (node) => node.y)
    .attr("r", 9)
    .attr("fill", "var(--page)");
  return {
    glow(states, input) {
      const most = Math.max(1e-9, ...states.map(Math.abs));
      circles.attr("fill", ({ id }) => shade(id < 0 ? input / 2 : states[id] / most));
    },
  };
}

function placed(groups, columns) {
  const nodes = new Map();
  let id = -1;
  for (const [name, size] of groups) {
    const rows = scalePoint(Array.from({ length: size }, (_, i) => i), [40, HEIGHT - 20]);
    if (size === 1) rows.range([HEIGHT / 2, HEIGHT / 2]);
    for (let i = 0; i < size; i++, id++)
      nodes.set(id, { id, name: `${name} ${i}`, x: columns(name), y: rows(i) });
  }
  return nodes;
}

function curve(a, b) {
  if (a.x !== b.x) return link({ source: [a.x, a.y], target: [b.x, b.y] });
  const bow = 26 + Math.abs(a.y - b.y) / 5; // between neurons of one layer; a loop to itself
  if (a === b) return `M${a.x},${a.y - 6}C${a.x + 34},${a.y - 22} ${a.x + 34},${a.y + 22} ${a.x},${a.y + 6}`;
  return `M${a.x},${a.y}C${a.x + bow},${a.y} ${b.x + bow},${b.y} ${b.x},${b.y}`;
}

function described(node, nodes, synapses) {
  const verb = (sign) => (sign > 0 ? "excites" : sign < 0 ? "inhibits" : "drives");
  const out = synapses.filter(([from]) => from === node.id);
  const into = synapses.filter(([, to]) => to === node.id);
  const list = out.map(([, to, sign]) => `${verb(sign)} ${nodes.get(to).name}`);
  return `${node.name}: ${into.length} synapses in, ${out.length} out. ${list.join(", ")}`;
}

// White at 0, blue above and orange below.
function shade(value) {
  const part = Math.round(100 * Math.min(1, Math.abs(value)));
  return `color-mix(in srgb, var(${value > 0 ? "--line" : "--second"}) ${part}%, var(--page))`;
}
