// Webhooks of many applications out of one file: chosen, looked through, and imported as far as somebody says.
import assert from "node:assert/strict";
import { api } from "./api.mjs";

export async function walkImport({ page, check, origin, base, token, hook, hostile }) {
  const app = base.split("/").at(-2);
  const organization = base.split("/app_")[0];
  const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
  const rows = [
    "Application;Webhook;Product;Report Type;Server Method;dialect;description",
    `${app};${hook}/imported/dlr;SMS;DLR;POST;console;Delivery reports of the café`,
    `${app};${hook}/imported/${"a-long-path/".repeat(12)};WhatsApp;MO;JSON;console;`,
    `nobody;${hook}/imported/nobody;;;;;${quoted(hostile)}`,
    `${app};ftp://${quoted(hostile).slice(1, 9)};SMS;MO;;;`,
  ];
  await page.goto(organization);
  await page.click("text=Import webhooks");
  await page.waitForSelector("#file", { state: "visible" });
  await check("import");
  await page.fill("#csv", "application,ulr\nacme,https://a.example/\n");
  await page.click("button[value=check]");
  await page.waitForSelector("text=did you mean");
  // As spreadsheets write it that know no better.
  const buffer = Buffer.from(rows.join("\r\n"), "latin1");
  await page.setInputFiles("#file", { name: "webhooks.csv", mimeType: "text/csv", buffer });
  await page.waitForFunction(() => document.querySelector("#csv").value.includes("café"));
  await page.click("button[value=check]");
  await page.waitForSelector("text=2 of 4 rows cannot be imported");
  await check("import-looked-through");
  await page.click("button[value=import]");
  await page.waitForSelector("text=Nothing is imported.");
  await page.check("[name=goodOnly]");
  await page.click("button[value=import]");
  await page.waitForSelector("text=2 webhooks are added.");
  await check("imported");
  const { data } = await api(origin, token, "GET", `/app/${app}/endpoint`);
  const made = data.filter((one) => one.url.includes("/imported/"));
  assert.equal(made.length, 2);
  for (const one of made) await api(origin, token, "DELETE", `/app/${app}/endpoint/${one.id}`);
}
