import "./style.css";
import { pageData } from "../shared/data.js";
import { CircuitPicture, synapseList } from "./circuit.js";
import { heatMap, lines, shade } from "./charts.js";
import { drawFlows, drawShares, row } from "./decision.js";
import { told, unpacked } from "./values.js";

const account = unpacked(pageData());
const { model, circuit, activity, decisions, drivers, cuts } = account;
const $ = (id) => document.getElementById(id);
const unit = (name) => (name ? `, ${name}` : "");
const state = { moment: Math.floor(decisions.at.length / 2), trace: 0, output: 0, neuron: 0, cut: 0 };
const step = () => decisions.at[state.moment];
const outputs = model.outputs.map((o) => o.name);

// --- the circuit ---------------------------------------------------------------------------
const picture = new CircuitPicture($("circuit"), circuit, {
  label: "The circuit: tab to a node to trace it, Enter to choose it",
  onNode: (node, chosen) => {
    tellNode(node);
    if (!chosen) return;
    const number = activity.neurons.indexOf(node);
    if (number >= 0) choose("neuron", number);
    const cut = cuts.rows.findIndex((c) => c.source === node && c.target === null);
    if (cut >= 0 && cuts.rows[cut].curve !== null) choose("cut", cut);
  },
});
picture.redrawn = () => glow();

function tellNode(node) {
  const box = $("node");
  if (node === null) return;
  const into = synapseList(circuit, picture.into[node], "source");
  const out = synapseList(circuit, picture.outOf[node], "target");
  const list = (title, items, all) => {
    const head = Object.assign(document.createElement("h4"), { textContent: `${title} (${all}${picture.among})` });
    const ul = document.createElement("ul");
    ul.append(...items.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    return [head, ul];
  };
  const name = Object.assign(document.createElement("h3"), { textContent: circuit.nodes[node].name });
  box.replaceChildren(name, ...list("reads", into, picture.into[node].length), ...list("drives", out, picture.outOf[node].length));
}

$("threshold").addEventListener("input", (event) => {
  const least = Number(event.target.value) / 100;
  const strong = picture.grey(least);
  $("strong").textContent = `${strong} of ${circuit.synapses.length} synapses drawn in colour`;
});

// --- the moment ----------------------------------------------------------------------------
const flowPicture = new CircuitPicture($("flows"), circuit, { label: "The way of the decision through the circuit", synapses: false });
flowPicture.redrawn = () => drawFlows(flowPicture, decisions.traces[state.trace], state.moment);

function glow() {
  const now = activity.h[step()];
  const most = Math.max(...activity.h.map((r) => Math.max(...r.map(Math.abs))), 1e-12);
  const fills = [];
  activity.neurons.forEach((node, k) => (fills[node] = shade(now[k] / most)));
  picture.glow(fills);
}

function showMoment() {
  const { moment } = state;
  const trace = decisions.traces[state.trace];
  const t = model.time[step()];
  $("when").textContent = `step ${step()}, ${told(t, 4)} ${model.time_unit}`;
  $("moment").setAttribute("aria-valuetext", $("when").textContent);
  $("sentence").textContent = trace.sentences[moment];
  drawShares($("shares"), account, trace, moment);
  drawFlows(flowPicture, trace, moment);
  showDrivers();
  glow();
  charts.forEach((chart) => chart.redraw(false));
  drawMap();
}

function showDrivers() {
  const { moment } = state;
  const trace = decisions.traces[state.trace];
  const output = trace.output[moment];
  const gradient = drivers.gradient[state.trace][moment];
  const ablation = model.inputs.map((_, i) => drivers.ablation[step()][i][output]);
  const most = Math.max(...ablation.map(Math.abs), ...gradient.map(Math.abs), 1e-12);
  $("drivers").replaceChildren(
    ...model.inputs.map((input, i) => {
      const tr = row([input.name, `${told(model.x[step()][i])} ${input.unit}`, told(gradient[i]), told(ablation[i])], ablation[i] / most);
      const other = row([""], gradient[i] / most).lastChild;
      tr.insertBefore(other, tr.children[3]);
      return tr;
    }),
  );
}

$("moment").max = decisions.at.length - 1;
$("moment").value = state.moment;
$("moment").addEventListener("input", (event) => {
  state.moment = Number(event.target.value);
  showMoment();
});
let playing = null;
$("play").addEventListener("click", () => {
  if (playing) {
    clearInterval(playing);
    playing = null;
  } else
    playing = setInterval(() => {
      state.moment = (state.moment + 1) % decisions.at.length;
      $("moment").value = state.moment;
      showMoment();
    }, 200);
  $("play").textContent = playing ? "Pause" : "Play";
});

// --- lists to choose from ------------------------------------------------------------------
function options(element, names) {
  element.replaceChildren(...names.map((text, i) => Object.assign(document.createElement("option"), { textContent: text, value: i })));
}
options($("trace"), decisions.traces.length === outputs.length ? outputs : ["the greatest output"]);
options($("neuron"), activity.neurons.map((i) => circuit.nodes[i].name));
const named = (c) => (c.target === null ? circuit.nodes[c.source].name : `${circuit.nodes[c.source].name} → ${circuit.nodes[c.target].name}`);
options($("cut"), cuts.rows.map((c) => `${named(c)}${c.curve === null ? " (no curve)" : ""}`));
[...$("cut").options].forEach((option, i) => (option.disabled = cuts.rows[i].curve === null));
state.cut = Math.max(cuts.rows.findIndex((c) => c.curve !== null), 0);
$("cut").value = state.cut;
function choose(what, value) {
  state[what] = value;
  $(what).value = value;
  ({ trace: showMoment, neuron: drawNeuron, cut: drawCut })[what]();
}
["trace", "neuron", "cut"].forEach((what) => $(what).addEventListener("change", (e) => choose(what, Number(e.target.value))));

// --- charts --------------------------------------------------------------------------------
const charts = new Map();
const x = { x: `time${unit(model.time_unit)}` };
const at = () => step();

function drawOutputs() {
  const colours = ["--line", "--second", "--good", "--bad", "--odd"];
  const series = outputs.slice(0, 5).map((name, o) => ({ label: name, values: model.y.map((r) => r[o]), colour: colours[o] }));
  charts.set("outputs", lines($("outputs"), model.time, series, { unit: { ...x, y: outputs.length > 1 ? "outputs" : `${outputs[0]}${unit(model.outputs[0].unit)}` }, at, height: 170, label: `Outputs over time: ${outputs.join(", ")}` }));
}

function drawNeuron() {
  if (!activity.neurons.length) return;
  const node = activity.neurons[state.neuron];
  const k = activity.tau_of.indexOf(node);
  const name = circuit.nodes[node].name;
  const series = [{ label: `${name}, state`, values: activity.h.map((r) => r[state.neuron]), colour: "--line" }];
  if (k >= 0) series.push({ label: `time constant${unit(model.time_unit)} (right)`, values: activity.tau.map((r) => r[k]), colour: "--second", scale: "right", dash: [5, 3] });
  charts.set("activity", lines($("activity"), model.time, series, { unit: { ...x, y: "state" }, right: k >= 0 ? "time constant" : null, at, label: `${name}: state and effective time constant over time` }));
  $("formula").textContent = k >= 0 ? activity.formulas[activity.formula_of[k]] : "This neuron carries nothing of its old state on, and has no time gate with a rate: it has no time constant.";
}

function drawMap() {
  if (!activity.neurons.length) return;
  const order = circuit.rows.flat().map((i) => activity.neurons.indexOf(i)).filter((k) => k >= 0);
  heatMap($("map"), activity.h, order, step());
  mapOrder = order;
  const names = order.length > 40 ? [] : order.map((k) => circuit.nodes[activity.neurons[k]].name);
  if ($("rows").childElementCount !== names.length)
    $("rows").replaceChildren(...names.map((name) => Object.assign(document.createElement("li"), { textContent: name })));
}
let mapOrder = [];
$("map").addEventListener("click", (event) => {
  const box = event.currentTarget.getBoundingClientRect();
  const t = ((event.clientX - box.left) / box.width) * model.steps;
  const k = Math.floor(((event.clientY - box.top) / box.height) * mapOrder.length);
  choose("neuron", mapOrder[Math.min(Math.max(k, 0), mapOrder.length - 1)]);
  const near = decisions.at.map((a) => Math.abs(a - t));
  state.moment = near.indexOf(Math.min(...near));
  $("moment").value = state.moment;
  showMoment();
});

function drawCut() {
  const cut = cuts.rows[state.cut];
  if (!cut || cut.curve === null) return;
  const o = cut.rms.indexOf(Math.max(...cut.rms));
  const series = [
    { label: `${outputs[o]}, whole`, values: model.y.map((r) => r[o]), colour: "--line", width: 2 },
    { label: `without ${named(cut)}`, values: cuts.curves.map((r) => r[cut.curve][o]), colour: "--second", dash: [6, 3] },
  ];
  charts.set("cut", lines($("cutchart"), model.time, series, { unit: { ...x, y: `${outputs[o]}${unit(model.outputs[o].unit)}` }, at, label: `${outputs[o]} with and without ${named(cut)}` }));
  $("cutsaid").textContent = `Without ${named(cut)}, ${outputs[o]} changes by ${told(cut.rms[o])}${model.outputs[o].unit ? ` ${model.outputs[o].unit}` : ""} (rms) and by ${told(cut.worst[o])} at most.`;
}

function drawCutTable() {
  const size = (c) => Math.max(...c.rms);
  const most = Math.max(...cuts.rows.map(size), 1e-12);
  $("cuts").replaceChildren(
    ...cuts.rows.slice(0, 15).map((c) => {
      const tr = row([named(c), told(size(c)), told(Math.max(...c.worst))], (2 * size(c)) / most);
      tr.lastChild.classList.add("effect");
      tr.lastChild.firstChild.style.left = "0";
      return tr;
    }),
  );
}

function drawAll() {
  drawOutputs();
  drawNeuron();
  drawCut();
}
drawCutTable();
showMoment();
drawAll();
$("threshold").dispatchEvent(new Event("input"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  drawAll();
  drawMap();
});
document.documentElement.dataset.ready = "yes";
