// The traces: distance from the centreline of each car, and the steering of the one in front.
import uPlot from "uplot";

const SHOWN = 20; // s

export class Traces {
  constructor(element, names, colours) {
    Object.assign(this, { element, names, colours });
    this._make();
    new ResizeObserver(() => this._fit()).observe(element);
  }

  // Take the page's colours again, which follow the system's light or dark.
  theme() {
    this.plot.destroy();
    this._make();
  }

  show(drivers) {
    const { t } = drivers[0].errors;
    const first = Math.max(t.length - 600, 0);
    const lateral = drivers.map((driver) => driver.errors.lateral.slice(first));
    this.plot.setData([t.slice(first), ...lateral]);
  }

  _make() {
    const style = getComputedStyle(this.element);
    const of = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: of("--soft"), grid: { stroke: of("--rule"), width: 1 }, ticks: { show: false } };
    this.plot = new uPlot(
      {
        ...this._size(),
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false, range: (_, low, high) => [Math.max(high - SHOWN, 0), Math.max(high, SHOWN)] },
          y: { range: (_, low, high) => [Math.min(low, -0.25) * 1.1, Math.max(high, 0.25) * 1.1] },
        },
        axes: [
          { ...axis, values: (_, ticks) => ticks.map((v) => `${v} s`) },
          { ...axis, size: 56, values: (_, ticks) => ticks.map((v) => `${Math.round(100 * v)} cm`) },
        ],
        series: [
          {},
          ...this.names.map((label, i) => ({
            label,
            stroke: of(this.colours[i]),
            width: i ? 1.25 : 2.5,
            points: { show: false },
          })),
        ],
      },
      [[], ...this.names.map(() => [])],
      this.element,
    );
  }

  _size() {
    return { width: Math.max(this.element.clientWidth, 200), height: 180 };
  }

  _fit() {
    this.plot.setSize(this._size());
  }
}
