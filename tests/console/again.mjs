// Many messages at once: what was never sent is sent, and what waits is called off, one by one and all of it.
import assert from "node:assert/strict";
import { api } from "./api.mjs";

export async function walkAgain({ page, check, origin, base, token, hook, arrived, until }) {
  const app = base.split("/").at(-2);
  const ask = (method, path, body) => api(origin, token, method, `/app/${app}${path}`, body);
  const send = (payload) => ask("POST", "/msg", { eventType: "order.paid", payload });
  for (const number of [1, 2, 3]) await send({ number });
  const endpoint = await ask("POST", "/endpoint", { url: `${hook}/again`, description: "Orders of the shop" });

  // How many there are is said first; then they go, and the page tells how far it is without being loaded anew.
  await page.goto(`${base}/${endpoint.id}`);
  await page.click("text=Send again");
  await page.check("input[value=missing]");
  await page.click("button[value=look]");
  await page.waitForSelector("text=messages are sent for the first time");
  await check("webhook-send-again");
  await page.click("button[value=start]");
  await page.waitForSelector("text=The task has started");
  await check("task");
  await until("what was never sent", () => arrived.filter((one) => one.url === "/again").length >= 3);
  await page.waitForSelector("text=Finished");
  await page.click("nav >> text=Tasks");
  await page.waitForSelector("text=Send what was never sent");
  await check("tasks");

  // What waits is called off where somebody says so in the dialog, and not before.
  await ask("PATCH", `/endpoint/${endpoint.id}`, { paused: true, ordering: "fifo" });
  const first = await send({ number: 4 });
  await send({ number: 5 });
  await page.goto(`${base.replace("/webhooks", "/messages")}/${first.id}`);
  await page.click("button[value=skip]");
  await page.click("dialog button >> text=Cancel");
  assert.equal(await page.locator("text=Canceled").count(), 0);
  await page.click("button[value=skip]");
  await page.click("dialog button >> text=Skip");
  await page.waitForSelector("text=What waited behind it goes on");
  await check("message-skipped");
  await page.goto(`${base}/${endpoint.id}`);
  await check("webhook-with-messages");
  await page.click("text=Send again");
  await page.check("input[value=call-off]");
  await page.click("button[value=look]");
  await page.waitForSelector("text=1 pending delivery is called off");
  await page.click("button[value=start]");
  await page.waitForSelector("text=Finished");
  await ask("DELETE", `/endpoint/${endpoint.id}`);
}
