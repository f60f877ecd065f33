// What every page has a use for. A page works without it.

/** An element with a text and a class. */
function make(name, text, kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = kind;
  return made;
}

/**
 * Asks before what cannot be taken back; in a part of the page, for a page in a frame may open no window. The server asks,
 * on a page, whoever sends the question along: without scripts that is always so.
 */
function confirmFirst(event) {
  const [form, button] = [event.target, event.submitter];
  const asked = form.querySelector("input[name=ask]");
  if (!asked || asked.disabled) return;
  event.preventDefault();
  const dialog = document.createElement("dialog");
  const question = make("p", asked.value);
  question.id = "confirm-question";
  dialog.setAttribute("aria-labelledby", question.id);
  const choices = make("div", "", "actions");
  const [yes, no] = [make("button", button?.textContent.trim() || "Yes", button?.className || "primary"), make("button", "Cancel")];
  choices.append(yes, no);
  dialog.append(question, choices);
  yes.addEventListener("click", () => {
    dialog.close();
    asked.disabled = true;
    form.requestSubmit(button);
    asked.disabled = false;
  });
  no.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  no.focus();
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
      const text = box.querySelector("code, pre");
      try {
        await navigator.clipboard.writeText(text.textContent);
      } catch {
        // A page in a frame may not be allowed to: then it is marked, for the keys to copy it.
        getSelection().selectAllChildren(text);
        return;
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    box.append(button);
  }
}

/** What was just done is said once: not again when the page is loaded anew. */
export function forgetFlash() {
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

/** On a phone the navigation is a strip: the line of this page is brought into sight. */
function showWhereOneIs() {
  const [strip, here] = [document.querySelector(".side nav"), document.querySelector(".side nav [aria-current=page]")];
  if (strip && here) strip.scrollLeft = here.offsetLeft + here.offsetWidth - strip.clientWidth;
}

/** Whoever sent a form goes on where something is wrong: at the first field, or else at what is said of the whole. */
export function goToFault() {
  const fault = document.querySelector("main [aria-invalid=true]") ?? document.getElementById("faults");
  fault?.focus({ preventScroll: true });
  fault?.scrollIntoView({ block: "center" });
  return Boolean(fault);
}

/** Makes a part of a page work: the whole at first, and what is put in later. */
export function enliven(root) {
  makeCopyable(root);
  tellLocalTimes(root);
  if (root === document) showWhereOneIs();
}

document.addEventListener("submit", confirmFirst);
addEventListener("resize", showWhereOneIs);
forgetFlash();
enliven(document);
goToFault();
