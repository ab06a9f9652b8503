// Labelled controls. Each returns an object whose `value` is a number, or the name of a choice.

let count = 0;

// A slider. `values` is a list of positions, or {least, most, step}, or {least, most, power: true}
// for a logarithmic scale; `shown` writes a value for people.
export function slider(place, label, { values, start, shown = String }, changed) {
  const scale = Array.isArray(values) ? listed(values) : values.power ? power(values) : even(values);
  const input = document.createElement("input");
  Object.assign(input, { type: "range", min: 0, max: scale.last, step: scale.step ?? 1 });
  input.value = scale.place(start);
  const output = labelled(place, label, input);
  const control = {
    get value() {
      return scale.value(Number(input.value));
    },
  };
  const tell = () => {
    output.textContent = shown(control.value);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  tell();
  input.addEventListener("input", () => {
    tell();
    changed();
  });
  return control;
}

// A list of choices, {name: text}.
export function choice(place, label, choices, changed) {
  const select = document.createElement("select");
  for (const [name, text] of Object.entries(choices)) select.append(new Option(text, name));
  labelled(place, label, select);
  select.addEventListener("change", changed);
  return select;
}

export function button(place, text, pressed) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", textContent: text });
  made.addEventListener("click", pressed);
  place.append(made);
}

function labelled(place, label, input) {
  input.id = `control-${++count}`;
  const box = document.createElement("div");
  box.className = "control";
  const name = document.createElement("label");
  Object.assign(name, { htmlFor: input.id, textContent: label });
  const output = document.createElement("output");
  output.htmlFor = input.id;
  box.append(name, output, input);
  place.append(box);
  return output;
}

function listed(values) {
  return { last: values.length - 1, value: (i) => values[i], place: (v) => values.indexOf(v) };
}

function even({ least, most, step }) {
  const last = most - least;
  return { last, step, value: (i) => least + i, place: (v) => v - least };
}

function power({ least, most }) {
  const last = 100;
  const span = Math.log(most / least);
  return {
    last,
    value: (i) => Number((least * Math.exp((span * i) / last)).toPrecision(2)),
    place: (v) => Math.round((last * Math.log(v / least)) / span),
  };
}
