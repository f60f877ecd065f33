// Parts of a page that still change (`data-live`) are fetched anew now and then, and a list says when something new has come
// (`data-news`). A page works without it: reload it.

import { enliven } from "./console.js";
import { ask } from "./fetch.js";

const EVERY = 3000;
const NEWS_EVERY = 5000;

/** The page as it is now, if it can be had. */
async function fetchPage() {
  try {
    const request = await ask("GET", location.href);
    return request.status === 200 ? request.response : null;
  } catch {
    return null;
  }
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
  const busy = parts.length === 0 || document.hidden || parts.some((part) => part.contains(document.activeElement));
  const page = busy ? null : await fetchPage();
  if (page) {
    for (const old of parts) {
      const found = page.getElementById(old.id);
      // The reader may have gone on to another page meanwhile.
      if (!found || !old.isConnected || found.textContent === old.textContent) continue;
      const fresh = document.importNode(found, true);
      keepFolds(old, fresh);
      old.replaceWith(fresh);
      enliven(fresh);
    }
  }
  setTimeout(refresh, EVERY);
}

setTimeout(refresh, EVERY);

/** Says that the list has something newer than what it shows; what it shows stays as it is until somebody asks for it. */
async function tellNews() {
  const note = document.querySelector("[data-news][hidden]");
  const page = note && !document.hidden ? await fetchPage() : null;
  const newest = page?.getElementById(note.id)?.dataset.news ?? "";
  // Ids are in the order of time.
  if (note?.isConnected && newest > note.dataset.news) note.hidden = false;
  setTimeout(tellNews, NEWS_EVERY);
}

setTimeout(tellNews, NEWS_EVERY);
