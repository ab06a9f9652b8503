// The board behind the page: steps go to it over a WebSocket, and its twin in WebAssembly runs
// along. Whoever came first drives; the others watch what the driver's page shows.

export class Live {
  // twin: the network in WebAssembly; on: {role, link, watched, lost} are called with what arrives
  constructor(path, twin, on) {
    Object.assign(this, { twin, on, pending: null, compared: 0, different: 0, closed: false });
    this.board = { rate: NaN, latency: NaN, counts: [] };
    const url = new URL(path, location.href);
    url.protocol = "ws:";
    this.url = url;
    this._open();
  }

  // One step of the board: a promise of {y, h}.
  step(x, dt, picture) {
    const k = (this.steps = (this.steps ?? 0) + 1);
    return new Promise((resolve) => {
      this.pending = { k, resolve };
      this._send({ type: "step", k, x, dt, picture });
    });
  }

  reset() {
    this.pending = null;
    this._send({ type: "reset" });
  }

  _open() {
    this.socket = new WebSocket(this.url);
    this.socket.addEventListener("message", ({ data }) => this._take(JSON.parse(data)));
    this.socket.addEventListener("close", () => {
      this.on.lost();
      setTimeout(() => this._open(), 1000);
    });
  }

  _send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  _take(message) {
    if (message.type === "role") this.on.role(message);
    else if (message.type === "link") this.on.link(message);
    else if (message.type === "step") this._step(message);
  }

  _step({ k, x, dt, y, h, before, latency, picture }) {
    this._compare(x, dt, y, h, before);
    this._measure(latency);
    if (this.pending?.k === k) {
      const { resolve } = this.pending;
      this.pending = null;
      resolve({ y, h });
    } else this.on.watched({ k, x, h, picture });
  }

  // The twin takes the same step from the same states.
  _compare(x, dt, y, h, before) {
    const { twin } = this;
    twin.setStates(before);
    const found = twin.step(x, dt);
    y.forEach((value, i) => (this.different += value !== found[i]));
    h.forEach((value, i) => (this.different += value !== twin.h[i]));
    this.compared += y.length + h.length;
  }

  _measure(latency) {
    const now = performance.now();
    const { counts } = this.board;
    counts.push([now, latency]);
    while (counts.length && counts[0][0] < now - 2000) counts.shift();
    this.board.rate = counts.length / 2;
    this.board.latency = counts.reduce((sum, [, value]) => sum + value, 0) / counts.length;
  }
}
