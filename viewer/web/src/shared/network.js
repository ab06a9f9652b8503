// A network as it runs on the board: the shipped C, compiled to WebAssembly, and the formats of its
// integers. `data` is what network_data() of elegans.viewer.wasm.compile_wasm returns.

// A Network, once its module is compiled. `bytes` may be given where they are at hand already.
export async function network(data, bytes = fromBase64(data.wasm)) {
  const { instance } = await WebAssembly.instantiate(bytes, {});
  return new Network(data, instance.exports);
}

// The integer nearest to a real value, ties upwards, clamped to the channel's range: the rule of
// the device. NaN becomes the least integer.
export function quantise(value, channel) {
  const exact = ((value - channel.offset) / channel.scale) * 2 ** channel.frac;
  const rounded = Math.floor(exact + 0.5);
  return rounded >= channel.hi ? channel.hi : rounded > channel.lo ? rounded : channel.lo;
}

// The real value that an integer stands for.
export function dequantise(integer, channel) {
  return channel.offset + channel.scale * (integer / 2 ** channel.frac);
}

export class Network {
  constructor(data, exports) {
    Object.assign(this, { name: data.name, inputs: data.inputs, dt: data.dt });
    Object.assign(this, { states: data.states, outputs: data.outputs });
    const wide = Math.max(...data.states.map((channel) => channel.bits)) === 32;
    const memory = exports.memory.buffer; // it never grows: the C has no heap
    this._run = exports;
    this._x = new Int16Array(memory, exports.x(), data.inputs.length);
    this._y = new Int16Array(memory, exports.y(), data.outputs.length);
    this._h = new (wide ? Int32Array : Int16Array)(memory, exports.h(), data.states.length);
    this._memory = new DataView(memory);
    const digest = new Uint8Array(memory, exports.digest(), 32);
    this.digest = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (this.digest !== data.digest) throw new Error("the module is of another model");
    this.init();
  }

  // All states to 0.
  init() {
    this._run.init();
  }

  // One step on integers: x [inputs] and dt (ignored where the period is fixed) -> y [outputs].
  // The result is a view that the next step overwrites, and so is `h`.
  step(x, dt = 0) {
    this._x.set(x);
    this._run.step(dt);
    return this._y;
  }

  // One step on real values: x [inputs], dt in its unit -> y [outputs].
  stepReal(x, dt = 0) {
    for (let i = 0; i < this.inputs.length; i++) this._x[i] = quantise(x[i], this.inputs[i]);
    this._run.step(this.dt ? quantise(dt, this.dt) : 0);
    return this.outputs.map((channel, i) => dequantise(this._y[i], channel));
  }

  // The states' integers [states], and how they are set; each is clamped to its range.
  get h() {
    return this._h;
  }
  setStates(h) {
    this._h.set(h);
    this._run.set_h();
  }

  // The integers that the last step read and gave.
  get x() {
    return this._x;
  }
  get y() {
    return this._y;
  }

  // Weights lie in tables in the module's memory: the integer at a place, of 8 or 16 bits.
  weight(at, bits = 16) {
    return bits === 8 ? this._memory.getInt8(at) : this._memory.getInt16(at, true);
  }
  setWeight(at, value, bits = 16) {
    if (bits === 8) this._memory.setInt8(at, value);
    else this._memory.setInt16(at, value, true);
  }
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
