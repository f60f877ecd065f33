// Code of a webhook's owner: written, tried out, saved, and gone through by the next message.

import assert from "node:assert/strict";
import { api } from "./api.mjs";

export async function walkTransformation({ page, check, origin, base, token, hook, arrived, until, hostile }) {
  const app = base.split("/").at(-2);
  const ask = (method, path, body) => api(origin, token, method, `/app/${app}${path}`, body);
  const endpoint = await ask("POST", "/endpoint", { url: `${hook}/transformed`, description: "Totals alone" });
  await page.goto(`${base}/${endpoint.id}`);
  await page.click("text=Transformation");
  await page.fill("#code", "function handler(webhook) {\n  return webhook ]\n}");
  await page.click("button[value=save]");
  await page.waitForSelector("text=In line 2");
  await page.fill("#code", `function handler(webhook) {
  const { lines } = webhook.payload;
  if (lines.length === 0) webhook.cancel = true;
  webhook.headers["x-shop"] = webhook.variables.shop;
  webhook.payload = { total: lines.reduce((sum, line) => sum + line.price, 0) };
  return webhook;
}`);
  await page.fill("#variables", "shop = north");
  await page.fill("#payload", '{"lines": [{"price": 2}, {"price": 3}]}');
  await page.fill("#event_type", "order.paid");
  await page.click("button[value=try]");
  await page.waitForSelector('#made >> text={"total":5}');
  await check("webhook-transformation");
  await page.fill("#payload", '{"lines": []}');
  await page.click("button[value=try]");
  await page.waitForSelector("text=The code calls this event off");
  await page.fill("#payload", `{"lines": ${JSON.stringify(hostile)}}`);
  await page.click("button[value=try]");
  await page.waitForSelector("text=In line 5");
  await check("webhook-transformation-hostile");
  await page.check("input[name=enabled]");
  await page.click("button[value=save]");
  await page.waitForSelector("text=It holds for every attempt from now on");
  assert.equal(await page.inputValue("#variables"), "shop = north\n");
  await ask("POST", "/msg", { eventType: "order.paid", payload: { lines: [{ price: 7 }] } });
  const sent = await until("what the code has made", () => arrived.find((one) => one.url === "/transformed"));
  assert.deepEqual([sent.body, sent.headers["x-shop"]], ['{"total":7}', "north"]);
  await ask("DELETE", `/endpoint/${endpoint.id}`);
}
