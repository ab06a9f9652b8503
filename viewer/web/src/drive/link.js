// What a live page says of its board and of its viewers.
import { setText } from "./panel.js";

const $ = (selector) => document.querySelector(selector);
const STATES = {
  up: "connected",
  waiting: "connecting",
  lost: "lost; it is being looked for",
  gone: "not reached",
};

// Show the state of the link, its figures, and how many integers were compared.
export function showLink({ link = { state: "waiting" }, board, compared, different }) {
  document.body.dataset.link = link.state;
  document.body.classList.toggle("differs", different > 0);
  setText($("#link"), STATES[link.state] ?? link.state);
  const times = link.lost === 1 ? "once" : `${link.lost} times`;
  const again = link.lost ? `It was lost ${times}, and came back.` : "";
  setText($("#why"), link.state === "up" ? again : (link.text ?? ""));
  const rates = `${board.rate.toFixed(0)} steps/s, ${board.latency.toFixed(1)} ms from request to answer`;
  setText($("#rates"), Number.isFinite(board.latency) ? rates : "–");
  setText($("#lost-frames"), `${link.resent ?? 0} sent again, ${link.damaged ?? 0} damaged`);
  setText($("#compared"), compared.toLocaleString("en"));
  setText($("#different"), different.toLocaleString("en"));
}

// Say who drives, and let only that page have the controls.
export function showRole({ driver, viewers }) {
  document.body.classList.toggle("watching", !driver);
  $("#controls").disabled = !driver;
  const people = viewers === 1 ? "You are alone here" : `${viewers} pages are open`;
  const role = driver ? "this one drives" : "another one drives, and this one watches";
  setText($("#role"), `${people}: ${role}.`);
}
