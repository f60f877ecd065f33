// What is told of a signature: the command that the page shows makes the one that was sent.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { api } from "./api.mjs";

export async function walkSignature({ page, check, origin, base, token, hook, arrived, until }) {
  const app = base.split("/").at(-2);
  const ask = (method, path, body) => api(origin, token, method, `/app/${app}${path}`, body);
  await api(origin, token, "POST", "/event-type", { name: "order.refunded", description: "Money goes back" });
  const url = `${hook}/signed?it's`;
  const endpoint = await ask("POST", "/endpoint", { url, eventTypes: ["order.refunded"] });
  const payload = { text: `it's "so" $(exit 1) <b>` };
  const message = await ask("POST", "/msg", { eventType: "order.refunded", payload });
  const came = await until("a signed request", () => arrived.find((one) => one.url.startsWith("/signed")));
  await page.goto(`${base.replace("/webhooks", "/messages")}/${message.id}`);
  await page.waitForSelector("text=Explain the signature");
  await page.click("text=Explain the signature");
  await page.waitForSelector("text=Make it yourself");
  const command = await page.textContent(".copyable pre");
  const signature = execFileSync("sh", ["-c", command], { encoding: "utf8" }).trim();
  const sent = `v1,${signature}`;
  assert.equal(await page.textContent(".headers div:has-text('webhook-signature') dd"), sent);
  // The page goes by the second of the attempt, which may have ended before it was signed.
  if (came.headers["webhook-timestamp"] === (await page.textContent(".headers div:has-text('webhook-timestamp') dd"))) {
    assert.equal(came.headers["webhook-signature"], sent);
  }
  await check("signature");
  await ask("DELETE", `/endpoint/${endpoint.id}`);
}
