// The circuit as SVG: nodes in layers, synapses as wide as they are strong. Two pictures use it:
// the trained circuit, and a decision's way through it.
import { select } from "d3-selection";
import { scaleSqrt } from "d3-scale";
import { link, places } from "./places.js";
import { told } from "./values.js";

const TAB_STOPS = 64; // more nodes than so many are walked by arrow keys, from one tab stop

export class CircuitPicture {
  constructor(element, circuit, { label, onNode = () => {}, synapses = true }) {
    this.element = element;
    this.circuit = circuit;
    this.label = label;
    this.onNode = onNode;
    this.synapses = synapses;
    this.threshold = 0;
    this.among = circuit.synapses.length < circuit.synapse_count ? ", of those that are drawn" : "";
    this.into = circuit.nodes.map(() => []);
    this.outOf = circuit.nodes.map(() => []);
    circuit.synapses.forEach((s) => {
      this.into[s.target].push(s);
      this.outOf[s.source].push(s);
    });
    this.draw();
    let width = element.clientWidth;
    new ResizeObserver(() => {
      if (Math.abs(element.clientWidth - width) < 8) return;
      width = element.clientWidth;
      this.draw();
      this.redrawn?.();
    }).observe(element);
  }

  draw() {
    const { circuit } = this;
    const spot = (this.spot = places(circuit, this.element.clientWidth || 900));
    const root = select(this.element).html("");
    const svg = (this.svg = root
      .append("svg")
      .attr("viewBox", `0 0 ${spot.width} ${spot.height}`)
      .attr("width", spot.width)
      .attr("height", spot.height)
      .attr("role", "group")
      .attr("aria-label", this.label));
    this.lines = svg.append("g").attr("class", "synapses").attr("aria-hidden", "true");
    if (this.synapses) this.drawSynapses();
    const heads = svg.append("g").attr("class", "heads").attr("aria-hidden", "true");
    spot.heads.forEach(({ layer, along, first }) => {
      const name = circuit.layers[layer];
      const count = circuit.rows[layer].length;
      const text = `${count} ${count === 1 ? name.replace(/s$/, "") : name}`;
      const item = heads.append("text").text(text);
      if (spot.narrow) {
        if (layer) item.attr("x", 4).attr("y", first - (spot.many ? 10 : 18));
      } else item.attr("x", along).attr("y", 14).attr("text-anchor", "middle");
    });
    const nodes = (this.nodes = svg
      .append("g")
      .selectAll("g")
      .data(circuit.nodes)
      .join("g")
      .attr("class", (n) => `node ${n.kind}`)
      .attr("transform", (_, i) => `translate(${spot.at[i].x},${spot.at[i].y})`));
    nodes.each((node, i, all) => this.drawNode(select(all[i]), node));
    if (this.synapses) this.interact(nodes);
  }

  drawNode(item, node) {
    const { radius, narrow, many } = this.spot;
    const square = node.kind === "sensor" || node.kind === "delayed" || node.kind === "output";
    if (square) {
      const r = many ? 5 : 7;
      item.append("rect").attr("x", -r).attr("y", -r).attr("width", 2 * r).attr("height", 2 * r).attr("rx", 2);
    } else item.append("circle").attr("r", radius);
    const text = item.append("text").attr("aria-hidden", "true");
    if (square) {
      const short = node.name.length > 26 ? `${node.name.slice(0, 25)}…` : node.name;
      if (node.kind === "delayed") {
        return; // there are too many of these; the panel names them
      }
      text.text(short);
      if (!narrow) {
        const out = node.kind === "output";
        text.attr("x", out ? 13 : -13).attr("dy", "0.35em").attr("text-anchor", out ? "start" : "end");
      } else if (node.kind === "sensor") text.attr("transform", "translate(3,-11) rotate(-55)");
      else text.attr("y", 22).attr("text-anchor", "middle");
    } else if (!many) text.attr("class", "number").attr("dy", "0.34em").attr("text-anchor", "middle").text(node.name.split(" ").at(-1));
  }

  drawSynapses() {
    const { circuit, spot } = this;
    const wide = scaleSqrt().domain([0, 1]).range([0.25, spot.many ? 1.6 : 3.2]);
    this.paths = this.lines
      .selectAll("path")
      .data([...circuit.synapses].reverse())
      .join("path")
      .attr("class", (s) => `synapse ${signName(s.sign)}${s.recurrent ? " recurrent" : ""}`)
      .attr("stroke-width", (s) => wide(s.strength).toFixed(2))
      .attr("d", (s) => this.path(s.source, s.target));
    this.grey();
  }

  path(source, target) {
    const layer = (i) => this.circuit.nodes[i].layer;
    const { at, narrow, radius } = this.spot;
    return link(at[source], at[target], layer(source) === layer(target), narrow, radius);
  }

  grey(threshold = this.threshold) {
    this.threshold = threshold;
    this.paths?.classed("weak", (s) => s.strength < threshold);
    return this.circuit.synapses.filter((s) => s.strength >= threshold).length;
  }

  interact(nodes) {
    const every = this.circuit.nodes.length <= TAB_STOPS;
    const order = this.circuit.rows.flat();
    nodes
      .attr("tabindex", (_, i) => (every || i === order[0] ? 0 : -1))
      .attr("role", "button")
      .attr("aria-label", (node, i) => this.summary(node, i))
      .on("mouseenter focus", (event) => this.trace(nodes.nodes().indexOf(event.currentTarget)))
      .on("mouseleave blur", () => this.trace(null))
      .on("click", (event) => this.onNode(nodes.nodes().indexOf(event.currentTarget), true))
      .on("keydown", (event) => {
        const here = order.indexOf(nodes.nodes().indexOf(event.currentTarget));
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (event.key === "Enter" || event.key === " ") this.onNode(order[here], true);
        else if (!step) return;
        else nodes.nodes()[order[(here + step + order.length) % order.length]].focus();
        event.preventDefault();
      });
  }

  summary(node, i) {
    return `${node.name}: ${this.into[i].length} synapses in, ${this.outOf[i].length} out${this.among}`;
  }

  trace(i) {
    this.svg.classed("tracing", i !== null);
    this.paths.classed("traced", (s) => i !== null && (s.source === i || s.target === i));
    const near = new Set(i === null ? [] : [i, ...this.into[i].map((s) => s.source), ...this.outOf[i].map((s) => s.target)]);
    this.nodes.classed("near", (_, k) => near.has(k)).classed("chosen", (_, k) => k === i);
    this.onNode(i, false);
  }

  glow(fills) {
    this.nodes.select("circle, rect").style("fill", (_, i) => fills[i] ?? null);
  }
}

export const signName = (sign) => (sign > 0 ? "excites" : sign < 0 ? "inhibits" : "unsigned");

const WORDS = { 1: "excites", "-1": "inhibits", 0: "has no sign" };

// What a node reads and drives, in words, as elements of a list.
export function synapseList(circuit, synapses, other) {
  return [...synapses]
    .sort((a, b) => b.strength - a.strength)
    .slice(0, 8)
    .map((s) => {
      const weights = Object.entries(s.weights).map(([map, w]) => `${map} ${told(w)}`);
      return `${circuit.nodes[s[other]].name}${s.recurrent ? " (old state)" : ""}: ${WORDS[s.sign]}; ${weights.join(", ")}`;
    });
}
