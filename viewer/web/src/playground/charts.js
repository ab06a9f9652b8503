// Line charts by uPlot, in the colours of the page, as wide as their place.
import uPlot from "uplot";

const dark = matchMedia("(prefers-color-scheme: dark)");

// A chart in `place`. `lines` are {label, color, width, dash}; `color` is a variable of the style.
// Options: height, x and y (labels of the axes), range ([least, most] of y), log (of y).
// `draw(columns)` takes [x, ...ys].
export function chart(place, lines, options) {
  let columns = [[0], ...lines.map(() => [0])];
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", `Chart: ${lines.map((line) => line.label).join("; ")}`);
  let plot;
  const make = () => {
    plot?.destroy();
    plot = new uPlot(settings(place, lines, options), columns, place);
  };
  make();
  dark.addEventListener("change", make);
  new ResizeObserver(() => plot.setSize(size(place, options))).observe(place);
  return {
    draw(next) {
      columns = next;
      plot.setData(columns);
    },
  };
}

function settings(place, lines, options) {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  const axis = (label) => ({
    label,
    labelSize: 20,
    labelFont: "13px system-ui, sans-serif",
    font: "12px system-ui, sans-serif",
    stroke: color("soft"),
    grid: { stroke: color("rule"), width: 1 },
    ticks: { stroke: color("rule"), width: 1 },
  });
  const { range, log } = options;
  return {
    ...size(place, options),
    legend: { live: false },
    cursor: { show: false },
    scales: {
      x: { time: false },
      y: { distr: log ? 3 : 1, ...(range && { range: () => range }) },
    },
    axes: [axis(options.x), { ...axis(options.y), size: 58 }],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: color(line.color),
        width: line.width ?? 2,
        dash: line.dash,
        points: { show: false },
      })),
    ],
  };
}

function size(place, { height = 240 }) {
  return { width: Math.max(place.clientWidth, 240), height };
}
