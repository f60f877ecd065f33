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

export async function walkPages({ page, check, origin, base, token }) {
  await walkDrain({ page, check, origin, base, token });
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
