import "./style.css";
import { pageData } from "../shared/data.js";
import { network } from "../shared/network.js";
import { bounded } from "./bounded.js";
import { leaky } from "./leaky.js";
import { liquid } from "./liquid.js";
import { noise } from "./noise.js";
import { robustness } from "./robustness.js";
import { solver } from "./solver.js";
import { wiring } from "./wiring.js";

const CHAPTERS = { leaky, liquid, bounded, wiring, solver, noise };

// The parts of a chapter's section that its script fills.
function parts(name) {
  const section = document.getElementById(name);
  const said = section.querySelector(".said");
  return {
    controls: section.querySelector(".controls"),
    figures: [...section.querySelectorAll("figure > div")],
    say: (text) => {
      said.textContent = text;
    },
  };
}

async function start() {
  const { networks, costs, studies } = pageData();
  const compiled = Object.entries(networks).map(async ([name, data]) => [name, await network(data)]);
  const nets = Object.fromEntries(await Promise.all(compiled));
  for (const [name, chapter] of Object.entries(CHAPTERS)) {
    chapter(parts(name), nets, networks, costs);
    document.getElementById(name).dataset.ready = "yes";
    await new Promise((done) => setTimeout(done)); // the first chapter is seen before the last
  }
  if (studies.length) robustness(parts("robustness"), studies);
  document.body.dataset.ready = "yes";
}

start();
