// The customer's portal: what somebody does who has a link and no account, alone and in a frame of another site.
import assert from "node:assert/strict";
import http from "node:http";
import { api } from "./api.mjs";

/** A site of the operator's own that shows a page in a frame. */
async function host(url) {
  const server = http.createServer((_, answer) => {
    answer.writeHead(200, { "content-type": "text/html" });
    answer.end(`<!doctype html><html lang="en"><title>Acme</title><iframe title="Webhooks" width="1200" height="800" src="${url}"></iframe></html>`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, origin: `http://localhost:${server.address().port}` };
}

export async function walkPortal({ browser, page, watch, checkPage, origin, base, token, hook, arrived, until }) {
  const app = base.split("/").at(-2);
  const other = await api(origin, token, "POST", "/app", { name: "Another", uid: "another" });
  const sent = { eventType: "sms.dlr", payload: { reportType: "dlr", product: "sms" } };
  const message = await api(origin, token, "POST", `/app/${app}/msg`, sent);
  const link = async (said) => (await api(origin, token, "POST", `/auth/app-portal-access/${app}`, said)).url;

  // The operator names itself.
  await page.goto(`${base.replace(`/${app}/webhooks`, "")}/settings`);
  await page.fill("[name='branding.name']", "Acme Cloud");
  await page.fill("[name='branding.accentColor']", "#0f766e");
  await page.fill("[name='supportUrl']", "mailto:help@example.com");
  await page.click("main button.primary");
  await page.waitForSelector("text=The settings are changed");
  await checkPage(page, "settings");

  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const customer = await context.newPage();
  watch(customer);
  const list = `${origin}/portal/${base.split("/").at(-3)}/${app}/webhooks`;
  await customer.goto(await link({ sessionId: "walk" }));
  await customer.waitForSelector("text=Manage Webhooks");
  assert.equal(customer.url(), list, "the token is out of the address");
  assert.deepEqual(await context.cookies(), []);
  assert.ok(await customer.locator("text=Acme Cloud").isVisible());
  assert.equal(await customer.locator("text=Sign out").count(), 0);
  await checkPage(customer, "portal-webhooks");

  // A webhook is added, tested, found again by way of back, reload and search.
  await customer.click(".head a:has-text(\"Events\")");
  await customer.waitForSelector("#url");
  await customer.fill("#url", `${hook}/from-the-portal`);
  await customer.fill("#eventTypes", "sms.dlr");
  await customer.waitForFunction(() => document.querySelector("#preview-request").textContent.includes("from-the-portal"));
  await customer.click("button[value=test]");
  await customer.waitForSelector("#test-response .message");
  await until("the test from the portal", () => arrived.find((one) => one.url === "/from-the-portal"));
  await checkPage(customer, "portal-webhook-add");
  await customer.click("button[value=save]");
  await customer.waitForURL(/webhooks\/ep_\w+$/);
  await checkPage(customer, "portal-webhook");
  await customer.click("text=Signing secret");
  await customer.waitForSelector("text=whsec_");
  await checkPage(customer, "portal-secret");
  await customer.click("main button >> nth=-1");
  await customer.click("dialog button >> nth=0");
  await customer.waitForSelector("text=There is a new secret");
  await customer.goBack();
  await customer.waitForSelector("h1.url-title");
  await customer.reload();
  await customer.waitForSelector("h1.url-title");
  await customer.click("nav >> text=Webhooks");
  await customer.waitForSelector("#find");
  await customer.fill("#find", "from-the-portal");
  await customer.press("#find", "Enter");
  await customer.waitForURL(/find=from-the-portal/);
  await customer.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);

  // Messages, with what comes in while one looks, and the figures.
  await customer.click("nav >> text=Messages");
  await customer.click(`text=sms.dlr`);
  await customer.waitForSelector("text=Payload Delivery");
  await checkPage(customer, "portal-message");
  const [file] = await Promise.all([customer.waitForEvent("download"), customer.click("text=Download as it is")]);
  assert.equal(file.suggestedFilename(), `${message.id}.json.txt`);
  await customer.click("nav >> text=Overview");
  await customer.waitForSelector("dl.tiles");
  // What came of attempts is counted in memory, and kept every ten seconds.
  const patience = Date.now() + 30_000;
  while ((await customer.locator("figure.chart").count()) === 0 && Date.now() < patience) {
    await customer.reload();
    await customer.waitForSelector("dl.tiles");
    await customer.waitForTimeout(500);
  }
  await customer.waitForSelector("figure.chart");
  await checkPage(customer, "portal-overview");
  await customer.click("nav >> text=Application");
  await customer.waitForURL(/application$/);
  await checkPage(customer, "portal-application");
  assert.deepEqual(await context.cookies(), []);

  // What is another's is not found, whatever the address says; a link that only looks offers no more.
  const key = await customer.evaluate(() => Object.values(sessionStorage)[0]);
  const foreign = await fetch(list.replace(app, other.id), { headers: { authorization: `Bearer ${key}` } });
  assert.equal(foreign.status, 404);
  await customer.goto(await link({ capabilities: ["ViewBase"] }));
  await customer.waitForSelector("text=Manage Webhooks");
  assert.equal(await customer.locator("text=Add Webhook").count(), 0);
  assert.equal(await customer.locator("td >> text=Delete").count(), 0);

  // In a frame of another site: not before the operator has named it.
  const site = await host(await link({}));
  const framed = await context.newPage();
  framed.on("pageerror", (error) => assert.fail(error));
  await framed.goto(site.origin);
  await framed.waitForTimeout(500);
  assert.ok(!(await framed.frames()[1].content()).includes("Manage Webhooks"), "framed by whoever likes");
  await api(origin, token, "PATCH", "/organization", {
    branding: { name: "Acme Cloud", accentColor: "#0f766e", frameAncestors: [site.origin] },
  });
  await framed.goto(site.origin);
  const frame = framed.frameLocator("iframe");
  await frame.locator("text=Manage Webhooks").waitFor();
  await frame.locator("td >> text=Delete").first().click();
  await frame.locator("text=Delete this webhook?").waitFor();
  await frame.locator("text=Keep it").click();
  await frame.locator("text=Manage Webhooks").waitFor();
  await framed.close();
  site.server.close();

  // The link ends, and the page says so.
  await api(origin, token, "POST", `/auth/app/${app}/expire-all`, {});
  await customer.click("nav >> text=Messages");
  await customer.waitForSelector("text=This link is over");
  await checkPage(customer, "portal-over");
  await api(origin, token, "DELETE", "/app/another");
  const hooks = await api(origin, token, "GET", `/app/${app}/endpoint`);
  const mine = hooks.data.find((one) => one.url.endsWith("/from-the-portal"));
  await api(origin, token, "DELETE", `/app/${app}/endpoint/${mine.id}`);
  await context.close();
}
