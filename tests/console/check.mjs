// The console in a real browser, against a real server: what a user does from the first start on.
//
//   node check.mjs RINGBACK NODE_MODULES [FOLDER [all]]
//
// With a folder, pictures of the main pages are written into it, or of all in their whole length, light and dark, wide and
// phone.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { walkAgain } from "./again.mjs";
import { walkBatching } from "./batching.mjs";
import { walkFaults } from "./faults.mjs";
import { walkForm } from "./form.mjs";
import { walkImport } from "./import.mjs";
import { walkLong } from "./long.mjs";
import { walkMeanwhile } from "./meanwhile.mjs";
import { walkPages } from "./pages.mjs";
import { walkPortal } from "./portal.mjs";
import { walkPrograms } from "./programs.mjs";
import { walkSignature } from "./signature.mjs";
import { walkTransformation } from "./transformation.mjs";

const [program, modules, pictures, every] = process.argv.slice(2);
const require = createRequire(join(modules, "x.js"));
const { chromium } = require("playwright-core");
const axe = require("axe-core");

const BROWSER = process.env.RINGBACK_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
/** Pages that pictures are kept of. */
const SHOWN = [
  "webhooks-empty", "webhooks", "webhook-tested", "webhook-details", "webhook-send-again", "task",
  "webhook-transformation",
  "message-skipped", "signature", "programs", "import-looked-through",
  "portal-webhooks",
];
const HOSTILE = `<img src=x onerror=alert(1)>"'></textarea><script>alert(2)</script>{{constructor}}`;

const folder = mkdtempSync(join(tmpdir(), "ringback-console-"));
const arrived = [];
const receiver = http.createServer((request, answer) => {
  let body = "";
  request.on("data", (part) => { body += part; });
  request.on("end", () => {
    arrived.push({ method: request.method, url: request.url, headers: request.headers, body });
    answer.writeHead(201, { "content-type": "text/html", "x-hostile": "<script>alert(3)</script>" });
    answer.end(HOSTILE);
  });
});
await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
const hook = `http://127.0.0.1:${receiver.address().port}`;

const store = `sqlite:${join(folder, "store")}`;
const flags = ["serve", "--listen", "127.0.0.1:0", "--store", store, "--egress-allow", "127.0.0.1/32"];
const server = spawn(program, flags);
let said = "";
server.stderr.on("data", (part) => { said += part; });

/** Waits until something is so: for a server or receiver, never for a length of time. */
async function until(what, look) {
  const end = Date.now() + 15_000;
  for (;;) {
    const found = look();
    if (found) return found;
    assert.ok(Date.now() < end, `in vain for ${what}: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const browser = await chromium.launch({ executablePath: BROWSER, args: FLAGS });
let failed = false;
try {
  const link = (await until("the set-up link", () => said.match(/http:\S+token=\S+/)))[0];
  const origin = new URL(link).origin;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const bad = [];
  const watch = (page, away = []) => {
    page.on("dialog", (dialog) => { bad.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on("pageerror", (error) => bad.push(`an error: ${error.message}`));
    page.on("console", (message) => { if (/Content Security|Trusted/.test(message.text())) bad.push(message.text()); });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol !== "blob:" && ![origin, ...away].includes(url.origin)) bad.push(`a request to ${request.url()}`);
    });
  };
  watch(page);

  /** What every page has to be: quiet, and good for everybody. */
  async function checkPage(page, name) {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      const grave = violations.filter((one) => ["serious", "critical"].includes(one.impact));
      const told = grave.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" | ")}`);
      assert.deepEqual(told, [], `${name}, ${colorScheme}`);
      for (const width of pictures && (every || SHOWN.includes(name)) ? [1280, 390] : []) {
        await page.setViewportSize({ width, height: 900 });
        await page.screenshot({ path: join(pictures, `${name}-${colorScheme}-${width}.png`), fullPage: Boolean(every) });
      }
      await page.setViewportSize({ width: 390, height: 900 });
      const buttons = () => page.evaluate(() => [...document.querySelectorAll("main button, main .button")].filter((one) => one.checkVisibility()).length);
      const onPhone = await buttons();
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${name} is ${over} px wider than a phone`);
      const hidden = await page.evaluate(() => [...document.querySelectorAll("main .cards :is(a, button, td)")]
        .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML));
      assert.deepEqual(hidden, [], `${name} has something out of sight on a phone`);
      const scrolling = () => page.evaluate(() => [...document.querySelectorAll("main .table-wrap")]
        .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth).map((one) => one.getAttribute("aria-label")));
      assert.deepEqual(await scrolling(), [], `${name} has a table that scrolls sideways on a phone`);
      await page.setViewportSize({ width: 1280, height: 900 });
      assert.deepEqual(await scrolling(), [], `${name} has a table that scrolls sideways`);
      assert.equal(onPhone, await buttons(), `${name} has other buttons on a phone`);
    }
    assert.deepEqual(bad, [], name);
    console.log(`ok ${name}`);
  }
  const check = (name) => checkPage(page, name);

  // The first user, the first application.
  await page.goto(link);
  await check("set-up");
  await page.fill("#name", "Asha Odera");
  await page.fill("#email", "asha@example.com");
  await page.fill("#password", "correct horse battery");
  await page.click("button.primary");
  await page.waitForURL(/org_/);
  await check("applications-empty");
  await page.fill("#name", HOSTILE);
  await page.click("main button.primary");
  await page.waitForURL(/webhooks/);
  const base = page.url().split("?")[0];
  await page.waitForSelector("text=No webhooks configured yet.");
  await check("webhooks-empty");
  await page.goto(base.replace("/webhooks", "/application"));
  await page.fill("#name", "Acme Logistics");
  await page.fill("[name=numbers-whatsapp]", "254700000001 Sales desk");
  await page.click("main button.primary");
  await check("application");

  // A webhook for DLRs: the rule of SMS, the number of WhatsApp, rows, a test, the request as it arrived.
  await page.goto(`${base}/add/dlr`);
  assert.equal(await page.locator("#productUniqueId").count(), 0, "SMS has no Waba number");
  assert.ok(await page.locator("text=MO is not available for the SMS product.").isVisible());
  await page.selectOption("#product", "whatsapp");
  await page.waitForSelector("#productUniqueId");
  await page.selectOption("#productUniqueId", "254700000001");
  await page.fill("#url", `${hook}/dlr`);
  await page.check("[name=customParametersEnabled]");
  await page.click("button[value=add-parameter]");
  await page.fill("#parameter-0-name", "team");
  await page.fill("#parameter-0-value", "blue & <b>");
  await page.waitForFunction(() => document.querySelector("#preview-request").textContent.includes("team=blue+%26"));
  await page.click("button[value=test]");
  await page.waitForSelector("#test-response .message");
  const test = await until("the test", () => arrived.find((one) => one.url === "/dlr"));
  assert.equal(test.headers["x-webhook-test"], "true");
  assert.ok(test.body.endsWith("&team=blue+%26+%3Cb%3E"), test.body);
  assert.ok((await page.textContent("#test-response")).includes("<img src=x onerror=alert(1)>"));
  await check("webhook-tested");
  await page.click("button[value=save]");
  await page.waitForURL(/webhooks\/ep_/);
  await check("webhook-details");
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("text=Download diagnostics")]);
  assert.match(file.suggestedFilename(), /^diagnostics-ep_\w+\.json\.txt$/);
  const one = page.url().split("?")[0];

  // The other two kinds.
  for (const [kind, fields] of [["mo", {}], ["event", { "#eventTypes": "sms.dlr" }]]) {
    await page.goto(`${base}/add/${kind}`);
    await page.fill("#url", `${hook}/${kind}/${"a-long-path/".repeat(12)}`);
    for (const [field, value] of Object.entries(fields)) await page.fill(field, value);
    await check(`webhook-add-${kind}`);
    await page.click("button[value=save]");
    await page.waitForURL(/webhooks\/ep_/);
  }
  await page.goto(base);
  assert.equal(await page.locator("tbody tr").count(), 3);
  await check("webhooks");

  // Access: a link and a token are made, listed, and taken back.
  await page.click("nav >> text=Access");
  await page.waitForSelector("text=Nothing is given out");
  await page.selectOption("#app", { label: `Acme Logistics · ${base.split("/").at(-2)}` });
  await page.fill("#label", "Jo of Acme, for a look at what was not delivered last week");
  await page.click("text=Make link");
  await page.waitForSelector("text=Hand this link to your customer.");
  await page.fill("#token-label", "our platform");
  await page.click("text=Make token");
  await page.waitForSelector("text=it is not shown again");
  await check("access");
  await page.click("td button >> nth=0");
  await page.click("dialog button >> nth=0");
  await page.waitForSelector("text=It is revoked");
  assert.equal(await page.locator("tbody tr").count(), 1);

  const token = execFileSync(program, ["token", "--store", store], { encoding: "utf8" }).trim();
  await walkPortal({ browser, page, watch, checkPage, origin, base, token, hook, arrived, until });

  const walk = { page, check, origin, base, token, hook, arrived, until };
  await walkForm(walk);
  await walkFaults(walk);
  await walkAgain(walk);
  await walkBatching(walk);
  await walkTransformation({ ...walk, hostile: HOSTILE });
  await walkSignature(walk);
  await walkPrograms(walk);
  await walkImport({ ...walk, hostile: HOSTILE });
  await walkMeanwhile(walk);
  await walkLong(walk);
  await walkPages({ ...walk, watch });

  // Two tabs: the second sees what differs.
  const other = await context.newPage();
  await other.goto(`${one}/edit`);
  await page.goto(`${one}/edit`);
  await other.fill("#url", `${hook}/first`);
  await other.click("button[value=save]");
  await other.waitForURL(/said=|ep_\w+$/);
  await other.close();
  await page.fill("#url", `${hook}/second`);
  await page.click("button[value=save]");
  await page.waitForSelector("text=Somebody else has changed this webhook");
  await check("webhook-changed-by-another");
  await page.click("button[value=save]");
  await page.waitForURL(/webhooks\/ep_\w+(\?|$)/);

  // Deleting says what it does.
  await page.click("main >> text=Delete");
  await page.waitForSelector("text=Nothing is pending for it");
  await check("webhook-delete");
  await page.click("main button.danger");
  await page.waitForURL(/\/webhooks(\?|$)/);
  assert.equal(await page.locator("tbody tr").count(), 2);

  // Who did all that.
  await page.goto(`${base.split("/app_")[0]}/audit`);
  await page.click("summary >> nth=0");
  await check("audit");
  await page.selectOption("#thing", "webhook");
  await page.waitForURL(/thing=webhook/);
  assert.ok(await page.locator(".audit > li").count() > 3);

  for (const name of ["users", "account"]) {
    await page.goto(`${origin}/console/${name}`);
    await check(name);
  }
  await page.click("text=Sign out >> nth=0");
  await page.waitForURL(/sign-in/);
  await check("sign-in");
} catch (error) {
  failed = true;
  console.error(error);
} finally {
  await browser.close();
  server.kill("SIGTERM");
  receiver.close();
  receiver.closeAllConnections();
  await new Promise((resolve) => (server.exitCode === null ? server.on("exit", resolve) : resolve()));
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
