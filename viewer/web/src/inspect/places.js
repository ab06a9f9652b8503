// Where nodes are drawn. Wide: layers are columns from left to right. Narrow, as on a phone: layers
// are rows from top to bottom. A layer with many nodes is a block of several columns or rows.
const NARROW = 700;

export function places(circuit, width) {
  const narrow = width < NARROW;
  const many = circuit.nodes.length > 120;
  const gap = many ? 15 : narrow ? 26 : 30;
  const most = narrow ? Math.max(4, Math.floor((width - 44) / gap)) : many ? 26 : 22;
  const blocks = circuit.rows.map((row) => {
    const lines = Math.ceil(row.length / most);
    const each = Math.ceil(row.length / lines);
    return Array.from({ length: lines }, (_, k) => row.slice(k * each, (k + 1) * each));
  });
  const longest = Math.max(...blocks.flat().map((line) => line.length));
  const lineGap = many ? 17 : 30;
  const thick = blocks.map((lines) => (lines.length - 1) * lineGap);
  const before = narrow ? sensorRoom(circuit, 6) : sensorRoom(circuit, 7);
  const after = narrow ? 56 : outputRoom(circuit);
  const free = narrow ? 104 : (width - before - after - thick.reduce((a, b) => a + b, 0)) / Math.max(blocks.length - 1, 1);
  const step = narrow ? free : Math.max(free, 60);
  const across = narrow ? width : Math.max(longest * gap + 60, 260);
  const at = [];
  const heads = [];
  let along = before;
  blocks.forEach((lines, layer) => {
    heads.push({ layer, along: along + thick[layer] / 2, first: along });
    lines.forEach((line, k) => {
      const main = along + k * lineGap;
      const tilted = narrow && layer === 0 ? 60 : 0; // the last name leans to the right
      const spread = narrow ? (width - 40 - tilted) / line.length : Math.min((across - 50) / line.length, gap * 2);
      const start = narrow ? 22 : 34 + (across - 34 - spread * line.length) / 2;
      line.forEach((node, i) => {
        const cross = start + (i + 0.5) * spread;
        at[node] = narrow ? { x: cross, y: main } : { x: main, y: cross };
      });
    });
    along += thick[layer] + step;
  });
  const total = along - step + after;
  return {
    narrow,
    many,
    at,
    heads,
    radius: many ? 5 : 9,
    width: narrow ? width : Math.max(total, width),
    height: narrow ? total : across + 10,
  };
}

function sensorRoom(circuit, letter) {
  const names = circuit.rows[0].map((i) => circuit.nodes[i].name.length);
  return Math.min(Math.max(...names) * letter, 190) + 24;
}

function outputRoom(circuit) {
  const last = circuit.rows.at(-1);
  return Math.min(Math.max(...last.map((i) => circuit.nodes[i].name.length)) * 7.2, 190) + 28;
}

// The path of a synapse between two places, of the same layer or of different ones.
export function link(a, b, same, narrow, radius) {
  if (a === b) {
    const r = radius * 1.2;
    return `M${a.x - r * 0.5},${a.y - radius}c${-r * 1.4},${-r * 2} ${r * 2.4},${-r * 2} ${r},0`;
  }
  if (same) {
    const bulge = 14 + 0.22 * Math.hypot(b.x - a.x, b.y - a.y);
    const [mx, my] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
    return narrow ? `M${a.x},${a.y}Q${mx},${my + bulge} ${b.x},${b.y}` : `M${a.x},${a.y}Q${mx + bulge},${my} ${b.x},${b.y}`;
  }
  if (narrow) {
    const m = (a.y + b.y) / 2;
    return `M${a.x},${a.y}C${a.x},${m} ${b.x},${m} ${b.x},${b.y}`;
  }
  const m = (a.x + b.x) / 2;
  return `M${a.x},${a.y}C${m},${a.y} ${m},${b.y} ${b.x},${b.y}`;
}
