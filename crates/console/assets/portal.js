// The portal: pages are asked for with the token of the link and put in the place of the one before. Links and forms
// are those of the pages; what would leave the portal is left to the browser.
import { ask, takeToken } from "./fetch.js";
import { enliven, forgetFlash, goToFault } from "./console.js";
import "./form.js";
import "./live.js";

const isOurs = (url) => url.origin === location.origin && url.pathname.startsWith("/portal/");
const sheets = (root) => [...root.querySelectorAll("link[rel=stylesheet]")];
const address = (sheet) => sheet.getAttribute("href");

/** Loads the styles that a page needs before it is seen, and answers what takes away those that it does not need. */
async function dress(page) {
  const [wanted, there] = [sheets(page).map(address), sheets(document)];
  const missing = sheets(page).filter((sheet) => !there.some((one) => address(one) === address(sheet)));
  await Promise.all(missing.map((sheet) => new Promise((resolve) => {
    const link = document.importNode(sheet, true);
    link.onload = link.onerror = resolve;
    document.head.append(link);
  })));
  return () => there.filter((one) => !wanted.includes(address(one))).forEach((one) => one.remove());
}

/** Says that a page did not come, in the words of this page: there is none from the server. */
function apologize() {
  const text = document.createElement("p");
  text.className = "alert bad";
  text.setAttribute("role", "alert");
  text.textContent = "The server cannot be reached. Try again in a moment.";
  document.querySelector("main")?.prepend(text);
}

let turn = 0;

/** Goes to a page; `keep` leaves the history as it is. */
async function go(method, url, { fields, keep = false, focus = true } = {}) {
  const mine = ++turn;
  document.body.setAttribute("aria-busy", "true");
  try {
    const request = await ask(method, url, fields);
    if (mine !== turn) return;
    const undress = await dress(request.response);
    const [asked, came] = [new URL(url, location.href), new URL(request.responseURL)];
    const moved = method === "GET" || came.pathname !== asked.pathname;
    came.hash = asked.hash;
    if (keep) history.replaceState(null, "", came);
    else if (moved) history.pushState(null, "", came);
    document.title = request.response.title;
    document.body.replaceWith(document.importNode(request.response.body, true));
    undress();
    forgetFlash();
    enliven(document);
    scrollTo(0, 0);
    if (!goToFault() && focus) document.getElementById("main")?.focus({ preventScroll: true });
  } catch {
    if (mine === turn) apologize();
  }
  document.body.removeAttribute("aria-busy");
}

/** Bytes that are handed out as they are. */
async function download(link) {
  try {
    const request = await ask("GET", link.href, null, "blob");
    if (request.status !== 200) throw new Error("not there");
    const named = /filename="([^"]+)"/.exec(request.getResponseHeader("Content-Disposition") ?? "");
    const saved = document.createElement("a");
    saved.href = URL.createObjectURL(request.response);
    saved.download = named?.[1] ?? "download.txt";
    saved.click();
    setTimeout(() => URL.revokeObjectURL(saved.href), 10_000);
  } catch {
    apologize();
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const url = new URL(link.href);
  const isHere = url.pathname === location.pathname && url.search === location.search;
  if (!isOurs(url) || (isHere && url.hash)) return;
  event.preventDefault();
  if (link.hasAttribute("download")) download(link);
  else go("GET", url.href);
});

document.addEventListener("submit", (event) => {
  const [form, button] = [event.target, event.submitter];
  // A field may be called `action` or `method`, and would stand in the place of what is meant.
  const url = new URL(form.getAttribute("action"), location.href);
  if (event.defaultPrevented || !isOurs(url)) return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form));
  if (button?.name) fields.set(button.name, button.value);
  if (form.getAttribute("method") === "get") {
    url.search = fields;
    go("GET", url.href);
  } else {
    go("POST", url.href, { fields });
  }
});

addEventListener("popstate", () => go("GET", location.href, { keep: true }));

takeToken();
// A new link in the same tab: an address that differs in its fragment alone loads no page.
addEventListener("hashchange", () => {
  if (!location.hash.startsWith("#token=")) return;
  takeToken();
  go("GET", location.href, { keep: true });
});
go("GET", location.href, { keep: true, focus: false });
