// A form that the server renders anew as it is filled in: fields that depend on others, rows, the preview, the test.
import { enliven } from "./console.js";

/** Sends a form and answers the page that comes back, as a document: no text becomes code on the way. */
function ask(form, what) {
  const fields = new URLSearchParams(new FormData(form));
  fields.set("do", what);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.responseType = "document";
    request.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
    request.onload = () => (request.response ? resolve(request.response) : reject(new Error("no page")));
    request.onerror = () => reject(new Error("no answer"));
    request.send(fields.toString());
  });
}

/** Puts a part of another page in the place of the same part of this one. */
function put(page, selector) {
  const [now, next] = [document.querySelector(selector), page.querySelector(selector)];
  if (!now || !next) return;
  const open = [...now.querySelectorAll("details")].map((one) => one.open);
  const [focus, scroll] = [document.activeElement?.id, now.querySelector(".body")?.scrollTop];
  const part = document.importNode(next, true);
  part.querySelectorAll("details").forEach((one, at) => { one.open ||= open[at] ?? false; });
  now.replaceWith(part);
  enliven(part);
  if (focus) document.getElementById(focus)?.focus();
  if (scroll) part.querySelector(".body")?.scrollTo(0, scroll);
}

let turn = 0;
let timer;

async function step(form, what, parts) {
  const mine = ++turn;
  try {
    const page = await ask(form, what);
    // Only the latest answer counts: fields may have changed since.
    if (mine === turn) parts.forEach((part) => put(page, part));
  } catch {
    // The server cannot be reached: the form stands as it is, and its buttons still work.
  }
}

const here = () => document.querySelector("form[data-live]");

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  if (event.target.form !== here() || !here()) return;
  if (event.target.matches("[data-refresh]")) step(here(), "refresh", ["#webhook-form"]);
});

document.addEventListener("input", (event) => {
  const form = here();
  if (!form || event.target.form !== form || event.target.matches("[data-refresh]")) return;
  clearTimeout(timer);
  timer = setTimeout(() => step(form, "preview", ["#preview-request"]), 350);
});

document.addEventListener("submit", async (event) => {
  const [form, button] = [event.target, event.submitter];
  if (form !== here() || !button?.matches("[data-part]")) return;
  event.preventDefault();
  clearTimeout(timer);
  button.setAttribute("aria-busy", "true");
  await step(form, button.value, ["#webhook-form"]);
  button.removeAttribute("aria-busy");
  if (button.value === "test") document.getElementById("test-response")?.scrollIntoView({ block: "nearest" });
});
