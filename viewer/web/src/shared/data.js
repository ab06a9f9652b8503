// What Python wrote into the page: <script type="application/json" id="data">.
export function pageData() {
  return JSON.parse(document.getElementById("data").textContent);
}
