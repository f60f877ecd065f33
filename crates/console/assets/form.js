// A form that the server renders anew as it is filled in: fields that depend on others, rows, the preview, the test.
import { enliven, goToFault } from "./console.js";
import { ask } from "./fetch.js";

/** Sends a form and answers the page that comes back. */
async function send(form, what) {
  const fields = new URLSearchParams(new FormData(form));
  fields.set("do", what);
  return (await ask("POST", form.action, fields)).response;
}

/** What an element is found by in another page of the same kind. */
function asSelector({ id, name, type, value }) {
  if (id) return `#${CSS.escape(id)}`;
  if (!name) return null;
  return `[name="${CSS.escape(name)}"]${type === "submit" ? `[value="${CSS.escape(value)}"]` : ""}`;
}

/** Says that a test is under way, and for how long it may be: the timeout of the form, or what is usual. */
function tellTest(isUnderWay) {
  const note = document.getElementById("testing");
  const seconds = /^\s*(\d+)\s*s\s*$/.exec(document.getElementById("timeout")?.value ?? "")?.[1] ?? 15;
  if (note) note.textContent = isUnderWay ? `Testing… an answer may take up to ${seconds} s.` : "";
}

/** Where one goes on after a button that is gone, or has made something: the new row, the list, the URL. */
function goOn({ value }) {
  const [what, list] = value.split("-");
  const rows = document.querySelectorAll(`[id^="${CSS.escape(list ?? "")}-"][id$="-name"]`);
  if (what === "add") rows[rows.length - 1]?.focus();
  if (what === "remove") document.querySelector(`button[value="add-${CSS.escape(list)}"]`)?.focus();
  if (value === "whole-url") document.getElementById("url")?.focus();
}

/** Puts a part of another page in the place of the same part of this one. */
function put(page, selector) {
  const [now, next] = [document.querySelector(selector), page.querySelector(selector)];
  if (!now || !next) return;
  const open = [...now.querySelectorAll("details")].map((one) => one.open);
  const [focus, scroll] = [now.contains(document.activeElement) && asSelector(document.activeElement), now.querySelector(".body")?.scrollTop];
  const part = document.importNode(next, true);
  part.querySelectorAll("details").forEach((one, at) => { one.open ||= open[at] ?? false; });
  now.replaceWith(part);
  enliven(part);
  if (focus) document.querySelector(focus)?.focus();
  if (scroll) part.querySelector(".body")?.scrollTo(0, scroll);
}

/** Counts the steps: only the latest has its answer shown. */
let turn = 0;
/** Counts what is written into the form. */
let edits = 0;
/** The whole form has been asked for, and what is written meanwhile goes along. */
let underWay = false;
let timer;

/** Asks for parts of the page anew. What is written before they come stays: the form is asked for again with it. */
async function step(form, what, parts) {
  const mine = ++turn;
  clearTimeout(timer);
  underWay = parts.includes("#webhook-form");
  try {
    for (;;) {
      const written = edits;
      const page = await send(form, what);
      if (mine !== turn) return;
      if (written === edits || !underWay) {
        parts.forEach((part) => put(page, part));
        break;
      }
      if (what === "test") {
        // It is told of the form as it stood, and is not done twice.
        put(page, "#test-response");
        [what, parts, underWay] = ["preview", ["#preview-request"], false];
      }
    }
  } catch {
    // The server cannot be reached: the form stands as it is, and its buttons still work.
  }
  if (mine === turn) underWay = false;
}

/** The text of a file: UTF-8, or what spreadsheets write that know no better. */
async function read(file) {
  const bytes = await file.arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** Fields that are of use to a script alone: without it nobody misses them. */
function showScripted() {
  for (const part of document.querySelectorAll("[data-script]")) part.hidden = false;
}

const here = () => document.querySelector("form[data-follow]");

document.addEventListener("change", async (event) => {
  const into = document.getElementById(event.target.dataset.into);
  if (into && event.target.files[0]) into.value = await read(event.target.files[0]);
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  if (event.target.form !== here() || !here()) return;
  if (event.target.matches("[data-refresh]")) step(here(), "refresh", ["#webhook-form"]);
});

document.addEventListener("input", (event) => {
  const form = here();
  if (!form || event.target.form !== form || event.target.matches("[data-refresh]")) return;
  edits += 1;
  clearTimeout(timer);
  timer = setTimeout(() => { if (!underWay) step(form, "preview", ["#preview-request"]); }, 350);
});

document.addEventListener("submit", async (event) => {
  const [form, button] = [event.target, event.submitter];
  if (form !== here() || !button?.matches("[data-part]")) return;
  event.preventDefault();
  button.setAttribute("aria-busy", "true");
  if (button.value === "test") tellTest(true);
  await step(form, button.value, ["#webhook-form"]);
  button.removeAttribute("aria-busy");
  if (button.value === "test") tellTest(false);
  goOn(button);
  if (button.value === "test" && !goToFault()) document.getElementById("test-response")?.scrollIntoView({ block: "nearest" });
});

showScripted();
