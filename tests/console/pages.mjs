// Pages that no other walk comes by: each has to be as quiet and as good for everybody as the others.
import assert from "node:assert/strict";

export async function walkPages({ page, check, base }) {
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
