// What every page has a use for. A page works without it.

/** Asks before what cannot be taken back. */
function confirmFirst(event) {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
}

/** Links that are handed on are shown whole, with a button that copies them. */
function makeCopyable(root) {
  for (const code of root.querySelectorAll("[data-link]")) {
    code.textContent = new URL(code.dataset.link, location.href).href;
  }
  for (const box of root.querySelectorAll(".copyable")) {
    if (box.querySelector("button") || !navigator.clipboard) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(box.querySelector("code, pre").textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    box.append(button);
  }
}

/** What was just done is said once: not again when the page is loaded anew. */
function forgetFlash() {
  const here = new URL(location.href);
  if (here.searchParams.has("said")) {
    here.searchParams.delete("said");
    history.replaceState(null, "", here);
  }
}

/** Shows times in the zone of whoever looks, beside the one they are written in. */
function tellLocalTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.title = new Date(time.dateTime).toLocaleString(undefined, { timeZoneName: "short" });
  }
}

/** Makes a part of a page work: the whole at first, and what is put in later. */
export function enliven(root) {
  makeCopyable(root);
  tellLocalTimes(root);
}

document.addEventListener("submit", confirmFirst);
forgetFlash();
enliven(document);
