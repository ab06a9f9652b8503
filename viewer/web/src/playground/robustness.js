// What `elegans robust` has measured: for each cell the mean error over all seeds, with its interval.
import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import { choice } from "./controls.js";

const ROW = 34;
const LEFT = 70;

export function robustness({ controls, figures, say }, studies) {
  const titles = studies.map((s, i) => [i, `${s.task}, ${s.title}`]);
  const study = choice(controls, "Study", Object.fromEntries(titles), again);
  const size = choice(controls, "Size", {}, draw);
  const condition = choice(controls, "Disturbance", {}, draw);
  const numbers = choice(controls, "Numbers", {}, draw);
  const chosen = () => studies[study.value];

  function again() {
    for (const [place, key] of [[size, "size"], [condition, "condition"], [numbers, "numbers"]]) {
      const names = [...new Set(chosen().rows.map((row) => row[key]))];
      place.replaceChildren(...names.map((name) => new Option(name, name)));
    }
    draw();
  }

  function draw() {
    const { rows, error, seeds, result } = chosen();
    const here = rows.filter(
      (row) =>
        row.size === size.value &&
        row.condition === condition.value &&
        row.numbers === numbers.value,
    );
    const width = Math.min(640, Math.max(280, figures[0].clientWidth));
    const most = Math.max(...here.map((row) => row.high), 1e-9);
    const x = scaleLinear([0, most], [LEFT, width - 20]).nice();
    const height = ROW * here.length + 44;
    const svg = select(figures[0])
      .html("")
      .append("svg")
      .attr("class", "circuit")
      .attr("viewBox", `0 0 ${width} ${height}`)
      .attr("role", "img")
      .attr("aria-label", here.map(told).join("; "));
    const ticks = svg.selectAll("g").data(x.ticks(5)).join("g");
    ticks.append("path").attr("d", (v) => `M${x(v)},8V${height - 36}`);
    ticks
      .append("text")
      .attr("x", (v) => x(v))
      .attr("y", height - 22)
      .attr("text-anchor", "middle")
      .text((v) => v);
    svg.append("text").attr("x", LEFT).attr("y", height - 4).text(`${error}; ${seeds} seeds`);
    const cells = svg.selectAll("g.cell").data(here).join("g").attr("class", "cell");
    const y = (i) => ROW * i + 24;
    cells
      .append("text")
      .attr("x", 4)
      .attr("y", (_, i) => y(i) + 4)
      .text((row) => row.cell);
    cells
      .append("path")
      .attr("class", "excites")
      .attr("stroke-width", 3)
      .attr("d", (row, i) => `M${x(Math.max(0, row.low))},${y(i)}H${x(row.high)}`);
    cells
      .append("circle")
      .attr("cx", (row) => x(row.mean))
      .attr("cy", (_, i) => y(i))
      .attr("r", 5)
      .attr("fill", "var(--line)");
    say(result);
  }

  again();
}

function told(row) {
  const number = (value) => value.toPrecision(3);
  return `${row.cell}: ${number(row.mean)}, from ${number(row.low)} to ${number(row.high)}`;
}
