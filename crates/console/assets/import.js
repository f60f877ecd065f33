// An import goes in parts, so that it says how far it is and can be stopped. Without this it is one step.

import { enliven } from "./console.js";
import { ask } from "./fetch.js";

/** Puts a part of another page in the place of the same part of this one, or takes it away if there is none. */
function put(page, id) {
  const [now, next] = [document.getElementById(id), page.getElementById(id)];
  if (now && next) now.replaceWith(document.importNode(next, true));
  else now?.remove();
}

/** Shows what came of the rows of a page. */
function showRows(page) {
  for (const row of page.querySelectorAll("tr[id]")) put(page, row.id);
}

/** What stands in the place of the button: how far it is, and the way to stop it. */
function makeProgress(rows) {
  const box = document.createElement("div");
  box.className = "import-go";
  box.id = "import-go";
  const [bar, text, stop] = ["progress", "span", "button"].map((name) => document.createElement(name));
  [bar.max, bar.value] = [rows, 0];
  bar.setAttribute("aria-label", "Rows imported");
  text.setAttribute("role", "status");
  [stop.type, stop.textContent] = ["button", "Stop"];
  box.append(bar, text, stop);
  const tell = (done) => {
    bar.value = done;
    text.textContent = `${done.toLocaleString("en")} of ${rows.toLocaleString("en")} rows`;
  };
  tell(0);
  return { box, tell, stop };
}

async function post(form, fields, more) {
  for (const [name, value] of Object.entries(more)) fields.set(name, value);
  return ask("POST", form.action, fields);
}

async function bring(form, fields) {
  const [rows, part] = [Number(form.dataset.rows), Number(form.dataset.part)];
  const { box, tell, stop } = makeProgress(rows);
  document.getElementById("import-go").replaceWith(box);
  stop.focus();
  let isStopped = false;
  stop.addEventListener("click", () => {
    isStopped = true;
    stop.setAttribute("aria-busy", "true");
  });
  let [added, answer] = [0, null];
  for (let from = 0; from < rows && !isStopped; from += part) {
    answer = await post(form, fields, { do: "import", from, added });
    showRows(answer.response);
    const told = answer.response.querySelector("[data-added]");
    // Something has come between: the page that came says what.
    if (!told) break;
    added = Number(told.dataset.added);
    tell(Math.min(from + part, rows));
  }
  if (isStopped) {
    fields.delete("from");
    answer = await post(form, fields, { do: "stop", added });
    showRows(answer.response);
  }
  return answer.response;
}

document.addEventListener("submit", async (event) => {
  const [form, button] = [event.target, event.submitter];
  if (!form.dataset.rows || button?.value !== "import") return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form));
  const buttons = form.querySelectorAll("button");
  for (const one of buttons) one.disabled = true;
  try {
    const page = await bring(form, fields);
    put(page, "import-told");
    put(page, "import-go");
    const text = page.getElementById("csv");
    if (text) form.elements.csv.value = text.value;
  } catch {
    const fault = document.createElement("p");
    fault.className = "alert bad";
    fault.setAttribute("role", "alert");
    fault.textContent = "The server cannot be reached. Look the table through again: what was added stays as it is.";
    document.getElementById("import-told").replaceChildren(fault);
    document.getElementById("import-go").remove();
  }
  for (const one of buttons) one.disabled = false;
  enliven(document.getElementById("import-told"));
  document.getElementById("import-told").scrollIntoView({ block: "nearest" });
});
