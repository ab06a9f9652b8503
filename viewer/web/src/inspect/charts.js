// Lines over time (uPlot) and the map of all neurons' activity (a canvas).
import uPlot from "uplot";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// series: [{label, values, colour (a CSS variable), dash, scale}]; at(): the index of the moment.
export function lines(element, time, series, { unit, right, at, height = 200, label }) {
  element.replaceChildren();
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", label);
  const axis = (scale, name, side) => ({
    scale, side, label: name, stroke: css("--soft"), labelSize: 20, size: 58, font: "12px system-ui", labelFont: "12px system-ui",
    grid: { stroke: css("--rule"), width: 1, show: side !== 1 }, ticks: { stroke: css("--rule") },
  });
  const chart = new uPlot(
    {
      width: Math.max(element.clientWidth, 200),
      height,
      scales: { x: { time: false }, y: {}, ...(right ? { right: { distr: 3 } } : {}) },
      legend: { live: false },
      cursor: { drag: { x: true, y: false } },
      axes: [
        { ...axis("x", unit.x, 2), size: 34, labelSize: 18 },
        axis("y", unit.y, 3),
        ...(right ? [axis("right", right, 1)] : []),
      ],
      series: [
        {},
        ...series.map((s) => ({
          label: s.label, scale: s.scale ?? "y", stroke: css(s.colour), width: s.width ?? 1.5, dash: s.dash, points: { show: false },
        })),
      ],
      hooks: { draw: [(u) => moment(u, at())] },
    },
    [time, ...series.map((s) => s.values)],
    element,
  );
  new ResizeObserver(() => {
    const width = Math.max(element.clientWidth, 200);
    if (Math.abs(width - chart.width) > 4) chart.setSize({ width, height });
  }).observe(element);
  return chart;
}

function moment(chart, index) {
  if (index === null) return;
  const x = Math.round(chart.valToPos(chart.data[0][index], "x", true));
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.strokeStyle = css("--text");
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

// values [T][N]: a row for each neuron, blue above zero and orange below, by the largest of all.
export function heatMap(canvas, values, order, at) {
  const rows = order.length;
  const [steps, tall] = [values.length, Math.max(2, Math.min(14, Math.floor(320 / rows)))];
  canvas.width = steps;
  canvas.height = rows * tall;
  const most = Math.max(...values.map((row) => Math.max(...row.map(Math.abs))), 1e-12);
  const image = new ImageData(steps, rows * tall);
  const [page, up, down] = ["--page", "--line", "--second"].map((name) => rgb(css(name)));
  for (let t = 0; t < steps; t += 1)
    order.forEach((n, k) => {
      const share = Math.sqrt(Math.abs(values[t][n]) / most);
      const end = values[t][n] >= 0 ? up : down;
      const colour = page.map((c, i) => c + (end[i] - c) * share);
      for (let y = k * tall; y < (k + 1) * tall - (tall > 4 ? 1 : 0); y += 1) image.data.set([...colour, 255], 4 * (y * steps + t));
    });
  const drawing = canvas.getContext("2d");
  drawing.putImageData(image, 0, 0);
  drawing.fillStyle = css("--text");
  drawing.fillRect(at, 0, Math.max(1, steps / 400), rows * tall);
}

function rgb(hex) {
  const full = hex.length === 4 ? [...hex.slice(1)].map((c) => c + c).join("") : hex.slice(1);
  return [0, 2, 4].map((i) => parseInt(full.slice(i, i + 2), 16));
}

// A colour between the page and an end, for a value from -1 to 1.
export function shade(value) {
  const end = value >= 0 ? "var(--line)" : "var(--second)";
  return `color-mix(in srgb, ${end} ${Math.round(100 * Math.sqrt(Math.min(Math.abs(value), 1)))}%, var(--page))`;
}
