// The circuit: sensors, neurons and synapses as SVG. Neurons glow with their states; a neuron that
// is chosen shows its synapses, each of which can be cut.
const NS = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [640, 400];
const COLUMNS = { sensors: 95, inter: 280, command: 445, motor: 590 };

export class Circuit {
  // data: inputs, states and synapses of the network; changed(index, cut): a synapse is to be cut;
  // null where none can be
  constructor(svg, list, data, changed) {
    Object.assign(this, { svg, list, data, changed, cut: new Set(), chosen: null });
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.places = this._places();
    this.lines = data.synapses.map((synapse, index) => this._line(synapse, index));
    this.sensors = data.inputs.map((channel, i) => this._node("input", i, label(channel.name)));
    this.neurons = data.states.map((channel, i) => this._node("state", i, channel.name));
    this.choose("state", data.states.length - 1);
  }

  // Show integers: what was sensed, and the states.
  show(inputs, states) {
    this.sensors.forEach((node, i) => {
      const { lo, hi } = this.data.inputs[i];
      glow(node, (2 * (inputs[i] - lo)) / (hi - lo) - 1);
    });
    this.neurons.forEach((node, i) => glow(node, states[i] / this.data.states[i].hi));
  }

  // Show which synapses are cut: a set of indices.
  setCut(cut) {
    this.cut = cut;
    this.lines.forEach((line, i) => line.classList.toggle("cut", cut.has(i)));
    this._list();
  }

  choose(kind, index) {
    this.chosen = { kind, index };
    const touches = this.data.synapses.map(
      (s) => (kind === "state" && s.target === index) || (s.kind === kind && s.source === index),
    );
    this.lines.forEach((line, i) => line.classList.toggle("lit", touches[i]));
    for (const node of [...this.sensors, ...this.neurons]) {
      const own = node.dataset.kind === kind && Number(node.dataset.index) === index;
      node.setAttribute("aria-pressed", own);
    }
    this._list();
  }

  // The synapses of the neuron that is chosen, the strongest first, as buttons.
  _list() {
    const { kind, index } = this.chosen;
    const { synapses } = this.data;
    const into = synapses.flatMap((s, i) => (kind === "state" && s.target === index ? [i] : []));
    const from = synapses.flatMap((s, i) => (s.kind === kind && s.source === index ? [i] : []));
    const title = this.list.querySelector("h3");
    title.textContent = `Synapses of ${this._name(kind, index)}`;
    const box = this.list.querySelector(".synapses");
    box.replaceChildren();
    for (const [word, own] of [["from", into], ["to", from]]) {
      own.sort((a, b) => synapses[b].strength - synapses[a].strength);
      for (const i of own.slice(0, 14)) box.append(this._button(word, i));
    }
    if (!synapses.length) box.textContent = "The weights of this network are in its code.";
  }

  _button(word, i) {
    const synapse = this.data.synapses[i];
    const other =
      word === "from" ? this._name(synapse.kind, synapse.source) : this._name("state", synapse.target);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "synapse";
    button.textContent = `${word} ${other}`;
    button.style.setProperty("--strength", synapse.strength);
    button.setAttribute("aria-pressed", this.cut.has(i));
    button.disabled = !this.changed;
    button.title = this.cut.has(i) ? "heal this synapse" : "cut this synapse";
    button.addEventListener("click", () => this._toggle(i));
    return button;
  }

  _toggle(i) {
    const at = [...this.list.querySelectorAll("button")].indexOf(document.activeElement);
    this.changed(i, !this.cut.has(i));
    if (at >= 0) this.list.querySelectorAll("button")[at]?.focus();
  }

  _name(kind, index) {
    return kind === "input" ? label(this.data.inputs[index].name) : this.data.states[index].name;
  }

  _places() {
    const groups = [...new Set(this.data.states.map((c) => c.name.split("[")[0]))];
    const columns = ["inter", "command", "motor"];
    const x = (group) => COLUMNS[group] ?? COLUMNS[columns[groups.indexOf(group)]] ?? COLUMNS.inter;
    const of = (count, i) => 24 + ((i + 0.5) * (HEIGHT - 40)) / count;
    const places = { input: [], state: [] };
    const inputs = this.data.inputs.length;
    for (let i = 0; i < inputs; i++) places.input.push([COLUMNS.sensors, of(inputs, i)]);
    this.data.states.forEach((channel, i) => {
      const group = channel.name.split("[")[0];
      const own = this.data.states.filter((c) => c.name.split("[")[0] === group);
      places.state.push([x(group), of(own.length, own.indexOf(channel))]);
    });
    return places;
  }

  _line(synapse, index) {
    const [x0, y0] = this.places[synapse.kind][synapse.source];
    const [x1, y1] = this.places.state[synapse.target];
    const path = document.createElementNS(NS, "path");
    const bend = x0 === x1 ? 30 + Math.abs(y1 - y0) / 4 : 0; // synapses within a layer
    const middle = (x0 + x1) / 2;
    const shape =
      x0 === x1
        ? `M${x0} ${y0} C${x0 + bend} ${y0 - (y0 === y1 ? 26 : 0)} ${x0 + bend} ${y1 + (y0 === y1 ? 26 : 0)} ${x1} ${y1}`
        : `M${x0} ${y0} C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}`;
    path.setAttribute("d", shape);
    path.setAttribute("class", `line${x0 === x1 ? " inner" : ""}`);
    path.style.setProperty("--strength", synapse.strength);
    path.addEventListener("click", () => this.changed?.(index, !this.cut.has(index)));
    this.svg.append(path);
    return path;
  }

  _node(kind, index, name) {
    const [x, y] = this.places[kind][index];
    const group = document.createElementNS(NS, "g");
    group.setAttribute("class", `node ${kind}`);
    group.setAttribute("transform", `translate(${x} ${y})`);
    group.setAttribute("tabindex", "0");
    group.setAttribute("role", "button");
    group.setAttribute("aria-label", `${name}: show its synapses`);
    Object.assign(group.dataset, { kind, index });
    const radius = kind === "input" ? 8 : 12;
    for (const [element, size] of [["halo", radius + 7], ["rim", radius], ["core", radius - 2]]) {
      const circle = document.createElementNS(NS, "circle");
      circle.setAttribute("class", element);
      circle.setAttribute("r", size);
      group.append(circle);
    }
    if (kind === "input") {
      const text = document.createElementNS(NS, "text");
      text.setAttribute("x", -14);
      text.setAttribute("y", 4);
      text.setAttribute("text-anchor", "end");
      text.textContent = name;
      group.append(text);
    }
    group.addEventListener("click", () => this.choose(kind, index));
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      this.choose(kind, index);
    });
    this.svg.append(group);
    return group;
  }
}

// A node's light: the colour by the sign, the strength by the magnitude, in -1..1.
function glow(node, value) {
  const part = Math.min(Math.abs(value), 1);
  node.style.setProperty("--glow", part.toFixed(3));
  node.classList.toggle("negative", value < 0);
}

function label(name) {
  return name.replace("curvature_", "bend ").replace("_error", "").replaceAll("_", " ");
}
