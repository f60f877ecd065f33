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
  // A long table goes in parts: how far it is is told, and it can be stopped.
  const many = Array.from({ length: 400 }, (_, at) => `${app},${hook}/imported/many/${at}`).join("\n");
  await page.fill("#csv", `application,url\n${many}`);
  await page.click("button[value=check]");
  await page.waitForSelector("text=400 webhooks can be added.");
  await page.click("button[value=import]");
  await page.waitForFunction(() => document.querySelector("#import-go progress")?.value >= 100);
  assert.match(await page.textContent("#import-go [role=status]"), /^[123]\d\d of 400 rows$/);
  await page.click("#import-go button");
  const stopped = await page.textContent("#import-told >> text=/Stopped\\. \\d+ webhooks are added/");
  const [done, left] = stopped.match(/\d+/g).map(Number);
  assert.ok(done >= 100 && done < 400 && done + left === 400, stopped);
  await check("import-stopped");
  await page.click("button[value=import]");
  await page.waitForSelector(`text=${left} webhooks are added. ${done} were there already.`);
  const { data } = await api(origin, token, "GET", `/app/${app}/endpoint?limit=250&order=descending`);
  const more = await api(origin, token, "GET", `/app/${app}/endpoint?limit=250&order=ascending`);
  const listed = new Map([...data, ...more.data].map((one) => [one.id, one]));
  const made = [...listed.values()].filter((one) => one.url.includes("/imported/"));
  assert.equal(made.length, 402);
  for (const one of made) await api(origin, token, "DELETE", `/app/${app}/endpoint/${one.id}`);
}
