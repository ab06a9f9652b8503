// A decision at one moment: its sentence, its shares as bars, and its way through the circuit.
import { select } from "d3-selection";
import { scaleSqrt } from "d3-scale";
import { percent, told } from "./values.js";

export function shares(account, trace, m) {
  const rows = account.model.inputs.map((input, i) => ({
    name: input.name, unit: input.unit, flow: trace.inputs[m][i], now: trace.now[m][i],
  }));
  const memory = trace.memory[m].reduce((a, b) => a + b, 0);
  rows.push({ name: "memory from before", unit: "", flow: memory, now: null });
  rows.push({ name: "left over by the integration", unit: "", flow: trace.left_over[m], now: null });
  return rows;
}

export function drawShares(body, account, trace, m) {
  const total = trace.total[m];
  const rows = shares(account, trace, m);
  const most = Math.max(...rows.map((r) => Math.abs(r.flow)), 1e-12);
  body.replaceChildren(
    ...rows.map((r) => row([r.name, told(r.flow), r.now === null ? "" : told(r.now), percent(total ? r.flow / total : 0)], r.flow / most)),
    row(["the whole change", told(total), "", percent(1)], null),
  );
  body.lastChild.className = "total";
}

export function row(cells, bar) {
  const tr = document.createElement("tr");
  cells.forEach((text, i) => {
    const cell = document.createElement(i ? "td" : "th");
    if (!i) cell.scope = "row";
    if (i) cell.className = "number";
    cell.textContent = text;
    tr.append(cell);
  });
  const last = document.createElement("td");
  last.className = "bars";
  if (bar !== null) {
    const mark = document.createElement("span");
    mark.className = bar >= 0 ? "bar up" : "bar down";
    mark.style.width = `${(50 * Math.abs(bar)).toFixed(1)}%`;
    last.append(mark);
  }
  tr.append(last);
  return tr;
}

export function drawFlows(picture, trace, m) {
  const total = Math.abs(trace.total[m]) || 1e-12;
  const edges = trace.edges[m].map(([source, target, flow]) => ({ source, target, flow }));
  const most = Math.max(...edges.map((e) => Math.abs(e.flow)), 1e-12);
  const wide = scaleSqrt().domain([0, most]).range([0.4, picture.spot.many ? 4 : 9]);
  const path = new Set();
  trace.paths[m].forEach(([node], i, all) => i + 1 < all.length && path.add(`${node} ${all[i + 1][0]}`));
  const onPath = new Set(trace.paths[m].map(([node]) => node));
  picture.lines
    .selectAll("path")
    .data(edges.reverse())
    .join("path")
    .attr("class", (e) => `flow ${e.flow >= 0 ? "up" : "down"}${path.has(`${e.source} ${e.target}`) ? " strongest" : ""}`)
    .attr("stroke-width", (e) => wide(Math.abs(e.flow)).toFixed(2))
    .attr("d", (e) => picture.path(e.source, e.target))
    .each(function title(e) {
      const names = picture.circuit.nodes;
      const text = `${names[e.source].name} to ${names[e.target].name}: ${percent((Math.sign(trace.total[m]) * e.flow) / total)}`;
      select(this).selectAll("title").data([0]).join("title").text(text);
    });
  const met = new Set(edges.flatMap((e) => [e.source, e.target]));
  picture.nodes.classed("idle", (_, i) => !met.has(i)).classed("onpath", (_, i) => onPath.has(i));
  const labels = trace.paths[m].slice(0, -1).map(([node, flow], i) => ({ node, next: trace.paths[m][i + 1][0], flow }));
  picture.svg.selectAll("g.labels").data([0]).join("g").attr("class", "labels").attr("aria-hidden", "true")
    .selectAll("text").data(labels).join("text")
    .attr("x", (d) => (picture.spot.at[d.node].x + picture.spot.at[d.next].x) / 2)
    .attr("y", (d) => (picture.spot.at[d.node].y + picture.spot.at[d.next].y) / 2 - 5)
    .attr("text-anchor", "middle")
    .text((d) => percent((Math.sign(trace.total[m]) * d.flow) / total).replace("+", ""));
}
