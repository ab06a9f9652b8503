// Reads the account that Python packed: arrays are base64 of 16-bit steps between two ends.
export function unpacked(value) {
  if (Array.isArray(value)) return value.map(unpacked);
  if (value === null || typeof value !== "object") return value;
  if (value.packed !== undefined) return arrayOf(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unpacked(item)]));
}

function arrayOf({ packed, shape, ends }) {
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const steps = new DataView(bytes.buffer);
  const [lo, hi, logarithmic] = ends;
  const flat = Array.from({ length: bytes.length / 2 }, (_, i) => {
    const step = steps.getUint16(2 * i, true);
    if (step === 65535) return null; // not a number: there is none
    const value = lo + ((hi - lo) * step) / 65534;
    return logarithmic ? 10 ** value : value;
  });
  return shaped(flat, shape);
}

function shaped(flat, shape) {
  if (shape.length <= 1) return flat;
  const size = flat.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) =>
    shaped(flat.slice(i * size, (i + 1) * size), shape.slice(1)),
  );
}

export function told(value, digits = 3) {
  if (value === null || !Number.isFinite(value)) return "none";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(digits - 1).replace("-", "−");
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

export function percent(share) {
  const whole = Math.round(100 * share);
  return `${whole > 0 ? "+" : ""}${Object.is(whole, -0) ? 0 : whole} %`.replace("-", "−");
}
