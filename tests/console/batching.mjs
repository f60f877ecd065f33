// Several messages in one request: asked for in the form, with what is wrong beside its field, and sent so.
import assert from "node:assert/strict";
import { api } from "./api.mjs";

export async function walkBatching({ page, check, origin, base, token, hook, arrived, until }) {
  const app = base.split("/").at(-2);
  const ask = (method, path, body) => api(origin, token, method, `/app/${app}${path}`, body);
  await page.goto(`${base}/add/event`);
  await page.fill("#url", `${hook}/gathered`);
  await page.click("summary >> text=Delivery");
  await page.fill('[name="batch.maxMessages"]', "1");
  await page.fill('[name="batch.maxWaitMs"]', "60000");
  await page.click("button[value=save]");
  await page.waitForSelector("text=It is 2 to 1000");
  const focused = await page.evaluate(() => document.activeElement.name);
  assert.equal(focused, "batch.maxMessages", "whoever sent the form goes on at the fault");
  await check("webhook-batch-refused");
  await page.fill('[name="batch.maxMessages"]', "3");
  await page.click("button[value=save]");
  await page.waitForSelector("text=Messages in one request");
  await check("webhook-batch");
  const endpoint = page.url().split("?")[0].split("/").at(-1);
  for (const number of [1, 2, 3]) await ask("POST", "/msg", { eventType: "order.paid", payload: { number } });
  const sent = await until("three in one", () => arrived.find((one) => one.url === "/gathered"));
  assert.deepEqual(JSON.parse(sent.body).map((one) => one.payload.number), [1, 2, 3]);
  assert.equal(sent.headers["webhook-batch-size"], "3");
  await ask("DELETE", `/endpoint/${endpoint}`);
}
