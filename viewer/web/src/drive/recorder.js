// What was changed in a drive, and after how many samples: with the seed that is all of the drive.
import { fromFragment, toFragment } from "./share.js";

export class Recorder {
  constructor(digest, synapses) {
    Object.assign(this, { digest, synapses, replaying: null });
  }

  // A drive begins in a state of settings, seed and cuts.
  begin(state) {
    this.start = toFragment(state, this.digest);
    this.events = [];
  }

  // The state has changed before the sample after so many.
  note(sample, state) {
    if (this.replaying) return;
    const text = toFragment(state, this.digest);
    if (this.events.at(-1)?.sample === sample) this.events.pop();
    this.events.push({ sample, state: text });
  }

  // The drive so far, as text for a file.
  save(samples) {
    const { start, events, digest: model } = this;
    return JSON.stringify({ kind: "elegans drive", model, start, samples, events }, null, 1);
  }

  // Replay what `save` gave, parsed: returns the state to begin in.
  replay(recording) {
    this.replaying = { ...recording, next: 0 };
    return recording.start;
  }

  // The state that the replay changes to before this sample, or null.
  due(sample) {
    const { events, next } = this.replaying ?? { events: [], next: 0 };
    if (next >= events.length || events[next].sample > sample) return null;
    this.replaying.next += 1;
    return events[next].state;
  }

  // What is being driven, as a recording that can be replayed.
  recording(samples) {
    const state = (text) => fromFragment(text, this.digest, this.synapses);
    const events = this.events.map(({ sample, state: text }) => ({ sample, state: state(text) }));
    return { start: state(this.start), samples, events };
  }
}

// Let the browser save a text as a file.
export function download(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
