// Pages that no other walk comes by: each has to be as quiet and as good for everybody as the others.
import assert from "node:assert/strict";
import { api } from "./api.mjs";

/** A webhook that is deleted with something pending: it is asked what becomes of that. */
async function walkDrain({ page, check, origin, base, token }) {
  const app = base.split("/").at(-2);
  const nobody = { url: "http://127.0.0.1:1/nobody-listens", eventTypes: ["drain.asked"] };
  await api(origin, token, "POST", "/event-type", { name: "drain.asked", description: "" });
  const one = await api(origin, token, "POST", `/app/${app}/endpoint`, nobody);
  for (let at = 0; at < 3; at += 1) await api(origin, token, "POST", `/app/${app}/msg`, { eventType: "drain.asked", payload: { at } });
  await page.goto(`${base}/${one.id}/delete`);
  await page.waitForSelector("text=3 deliveries are pending for it");
  assert.ok(await page.isChecked("[value=call-off]"));
  await check("webhook-delete-pending");
  await page.check("[value=send]");
  await page.click("main button.danger");
  await page.waitForSelector("text=What was pending for it is sent first.");
  await check("webhooks-deleted-draining");
  await page.click("button:has-text('Call off the rest')");
  await page.waitForSelector("dialog >> text=Call off what is left: 3?");
  await page.click("dialog button >> nth=0");
  await page.waitForSelector("text=What was left for the webhook is called off.");
  assert.equal(await page.locator("text=Call off the rest").count(), 0);
  await api(origin, token, "DELETE", "/event-type/drain.asked?expunge=true");
}

/** Event types and applications go, and what goes with them is told first. */
async function walkDeletions({ page, check, origin, base, token }) {
  const organization = base.split("/app_")[0];
  await api(origin, token, "POST", "/event-type", { name: "gone.soon", description: "Nobody sends it any more" });
  await page.goto(`${organization}/event-types/gone.soon`);
  await check("event-type-own");
  await page.click("text=Archive or delete >> nth=-1");
  await page.waitForSelector("text=What becomes of it");
  await check("event-type-delete");
  await page.click("main button.danger");
  await page.waitForSelector("text=The event type is archived.");
  await page.click("text=Bring it back");
  await page.waitForSelector("text=The event type is back.");
  await page.click("main a.danger");
  await page.check("[value=delete]");
  await page.click("main button.danger");
  await page.waitForSelector("text=The event type is deleted.");

  const name = "Umbrella, Sons & Daughters of the Very Long Name Incorporated";
  const { id } = await api(origin, token, "POST", "/app", { name });
  for (let at = 0; at < 2; at += 1) await api(origin, token, "POST", `/app/${id}/endpoint`, { url: "http://127.0.0.1:1/nobody-listens" });
  await page.goto(`${organization}/${id}/application`);
  await page.click("main a.danger");
  await page.waitForSelector("text=2 webhooks and no polling endpoint");
  await check("application-delete");
  await page.click("main button.danger");
  await page.waitForSelector("text=The application is deleted.");
  assert.equal(await page.locator(`a[href*="${id}"]`).count(), 0);
}

/** Without scripts a page asks what a dialog asks otherwise. */
async function walkUnscripted({ page, watch, base }) {
  const storageState = await page.context().storageState();
  const plain = await page.context().browser().newContext({ storageState, javaScriptEnabled: false });
  const still = await plain.newPage();
  watch(still);
  const secret = `${await page.locator("tbody a[href*='/webhooks/ep_']").first().getAttribute("href")}/secret`;
  await still.goto(new URL(secret, base).href);
  const before = await still.textContent("code.secret");
  await still.click("text=Make a new secret");
  await still.waitForSelector("h1:has-text('Make a new secret?')");
  await still.click("text=Cancel");
  assert.equal(await still.textContent("code.secret"), before);
  await still.click("text=Make a new secret");
  await still.click("text=Yes, go on");
  await still.waitForSelector("text=There is a new secret.");
  assert.notEqual(await still.textContent("code.secret"), before);
  await plain.close();
}

export async function walkPages({ page, check, origin, base, token, watch }) {
  await walkDrain({ page, check, origin, base, token });
  await walkDeletions({ page, check, origin, base, token });
  await page.goto(base);
  await walkUnscripted({ page, watch, base });
  const application = base.replace("/webhooks", "");
  const organization = base.split("/app_")[0];
  for (const [name, path] of [
    ["applications", organization],
    ["overview", `${organization}/overview`],
    ["event-types", `${organization}/event-types`],
    ["event-type", `${organization}/event-types/sms.dlr`],
    ["application-overview", `${application}/overview`],
    ["messages", `${application}/messages`],
    ["messages-none", `${application}/messages?search=nobody-knows`],
    ["webhooks-none", `${base}?find=nobody-knows`],
    ["webhooks-deleted", `${base}/deleted`],
    ["not-found", `${application}/messages/msg_2gxK0w0000000000000000000000`],
  ]) {
    await page.goto(path);
    await check(name);
  }
  // On paper, upright or across, a page has all of its width.
  await page.goto(`${organization}/overview`);
  await page.emulateMedia({ media: "print" });
  const share = await page.evaluate(() => document.querySelector("main").getBoundingClientRect().width / innerWidth);
  assert.ok(share > 0.9, `a printed page has ${share} of its width`);
  await page.emulateMedia({ media: null });
  // What is deleted comes back.
  await page.goto(`${base}/deleted`);
  const deleted = await page.locator("tbody tr").count();
  assert.ok(deleted > 1);
  await page.click("td button >> nth=0");
  await page.waitForSelector("text=The webhook is restored");
  await page.click("text=Delete");
  await page.click("main button.danger");
  await page.waitForURL(/\/webhooks(\?|$)/);
}
