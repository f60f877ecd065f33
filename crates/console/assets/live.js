// Parts of a page that still change (`data-live`) are fetched anew now and then. A page works without it: reload it.

import { enliven } from "./console.js";

const EVERY = 3000;

/** The page as it is now. A document that a request has made runs no script and loads nothing. */
function fetchPage() {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.onload = () => resolve(request.status === 200 ? request.response : null);
    request.onerror = () => resolve(null);
    request.send();
  });
}

/** Which of the folded parts are open is the reader's, not the server's. */
function keepFolds(old, fresh) {
  const open = new Map([...old.querySelectorAll("details")].map((part) => [part.querySelector("summary").textContent, part.open]));
  for (const part of fresh.querySelectorAll("details")) {
    const was = open.get(part.querySelector("summary").textContent);
    if (was !== undefined) part.open = was;
  }
}

async function refresh() {
  const parts = [...document.querySelectorAll("[data-live]")];
  if (parts.length === 0) return;
  const busy = document.hidden || parts.some((part) => part.contains(document.activeElement));
  const page = busy ? null : await fetchPage();
  if (page) {
    for (const old of parts) {
      const found = page.getElementById(old.id);
      if (!found || found.textContent === old.textContent) continue;
      const fresh = document.importNode(found, true);
      keepFolds(old, fresh);
      old.replaceWith(fresh);
      enliven(fresh);
    }
  }
  setTimeout(refresh, EVERY);
}

setTimeout(refresh, EVERY);
