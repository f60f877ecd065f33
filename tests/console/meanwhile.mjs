// What happens while a page is open: somebody else saves or deletes the same thing, messages come in, a test takes long.
import assert from "node:assert/strict";
import http from "node:http";
import { api } from "./api.mjs";

/** Two tabs of one form: the second sees what differs, keeps what was entered, and can save it all the same. */
async function walkTwoTabs(page, check, path, field, [first, second], name) {
  const other = await page.context().newPage();
  await other.goto(path);
  await page.goto(path);
  await other.fill(field, first);
  await other.click("main form:has(input[name=seen]) button.primary");
  await other.waitForSelector(".flash");
  await other.close();
  await page.fill(field, second);
  await page.click("main form:has(input[name=seen]) button.primary");
  await page.waitForSelector("text=Somebody else has changed this since you opened it.");
  const row = page.locator(".differences tbody tr");
  assert.equal(await row.count(), 1);
  assert.deepEqual(await row.locator("td").allTextContents(), [first, second]);
  assert.equal(await page.inputValue(field), second, "what was entered is still there");
  await check(name);
  await page.click("main form:has(input[name=seen]) button.primary");
  await page.waitForSelector(".flash");
  assert.equal(await page.inputValue(field), second);
}

/** A webhook is deleted while its form is open. */
async function walkGone(page, check, ask, base, hook) {
  const one = await ask("POST", "/endpoint", { url: `${hook}/gone` });
  await page.goto(`${base}/${one.id}/edit`);
  await page.fill("#url", `${hook}/entered`);
  await ask("DELETE", `/endpoint/${one.id}`);
  await page.click("button[value=save]");
  await page.waitForSelector("text=This webhook was deleted after you had opened it.");
  assert.equal(await page.inputValue("#url"), `${hook}/entered`);
  await check("webhook-edit-deleted");
  // The form still follows.
  await page.fill("#url", `${hook}/entered-anew`);
  await page.waitForFunction(() => document.querySelector("#preview-request").textContent.includes("entered-anew"));
  await page.click("button[value=restore]");
  await page.waitForSelector("text=The webhook is saved.");
  assert.ok(page.url().includes(one.id), "it is the same webhook");
  assert.ok((await page.textContent("h1")).endsWith("/entered-anew"));
  await ask("DELETE", `/endpoint/${one.id}`);
}

/** The list of messages tells of new ones, and moves nothing. */
async function walkNews(page, check, ask, messages) {
  await page.goto(messages);
  const first = () => page.evaluate(() => {
    const row = document.querySelector("tbody tr");
    return [row.textContent.trim(), row.getBoundingClientRect().top];
  });
  const before = await first();
  assert.ok(!(await page.isVisible("#news")));
  const { id } = await ask("POST", "/msg", { eventType: "order.paid", payload: {} });
  await page.waitForSelector("#news:visible");
  assert.deepEqual(await first(), before, "what is read stays where it is");
  await check("messages-new");
  await page.click("#news");
  await page.waitForSelector(`tbody tr:first-child >> text=${id}`);
  assert.ok(!(await page.isVisible("#news")));
}

/** A receiver that takes its time: the page says so while a test waits for it. */
async function walkSlow(page, base) {
  let answer;
  const slow = http.createServer((_, response) => { answer = () => response.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end("ok \u202egnp"); });
  await new Promise((resolve) => slow.listen(0, "127.0.0.1", resolve));
  await page.goto(`${base}/add/dlr`);
  await page.fill("#url", `http://127.0.0.1:${slow.address().port}/`);
  await page.click("summary >> text=Delivery");
  await page.fill("#timeout", "20s");
  await page.click("button[value=test]");
  await page.waitForSelector("#testing[role=status] >> text=Testing… an answer may take up to 20 s.");
  while (!answer) await page.waitForTimeout(20);
  answer();
  await page.waitForSelector("#test-response >> text=answered 200");
  assert.equal(await page.textContent("#testing"), "");
  assert.ok((await page.textContent("#test-response")).includes("ok \\u{202e}gnp"), "what turns the direction of reading is shown");
  const steps = await page.locator("#test-response .times dt").allTextContents();
  assert.deepEqual(steps, ["Status", "DNS", "Connect", "TLS", "First byte", "Total"]);
  slow.close();
  slow.closeAllConnections();
}

/** A webhook that fails is seen to, and found by it. */
async function walkFailing(page, check, ask, base) {
  const one = await ask("POST", "/endpoint", { url: "http://127.0.0.1:1/failing", eventTypes: ["sms.dlr"] });
  await ask("POST", "/msg", { eventType: "sms.dlr", payload: { product: "sms", reportType: "dlr" } });
  const failing = async () => {
    await page.goto(`${base}?state=Failing`);
    return page.locator(`tbody a[href*="${one.id}"]`).count();
  };
  for (const end = Date.now() + 15_000; (await failing()) === 0;) assert.ok(Date.now() < end, "in vain for a failing webhook");
  assert.equal(await page.locator("tbody .tag.bad >> text=Failing").count(), await page.locator("tbody tr").count());
  await check("webhooks-failing");
  await page.goto(`${base}?state=Active`);
  assert.equal(await page.locator(`tbody a[href*="${one.id}"]`).count(), 0);
  await page.goto(`${base}/${one.id}`);
  await page.waitForSelector(".head >> text=Its attempts have failed since");
  await check("webhook-failing");
  await page.click(".head >> text=Overview");
  await page.waitForURL(/overview\/ep_/);
  await page.waitForSelector("text=Breaker");
  // In the table a URL is broken between its parts: its port stands in one piece.
  await page.goto(base);
  const torn = await page.evaluate(() => [...document.querySelectorAll("tbody .url .nowrap")].filter((one) => one.getClientRects().length > 1).length);
  assert.equal(torn, 0);
  assert.ok((await page.locator("tbody .url .nowrap").count()) > 0);
  await ask("DELETE", `/endpoint/${one.id}`);
}

export async function walkMeanwhile({ page, check, origin, base, token, hook }) {
  const organization = base.split("/app_")[0];
  const { id } = await api(origin, token, "POST", "/app", { name: "Meanwhile", uid: "meanwhile" });
  const ask = (method, path, body) => api(origin, token, method, `/app/${id}${path}`, body);
  const own = `${organization}/${id}`;
  await api(origin, token, "POST", "/event-type", { name: "two.tabs", description: "" });
  const zones = ["Africa/Nairobi", "Asia/Tokyo"];
  await walkTwoTabs(page, check, `${organization}/settings`, "#timeZone", zones, "settings-changed-by-another");
  await api(origin, token, "PATCH", "/organization", { timeZone: null });
  await walkTwoTabs(page, check, `${own}/application`, "#name", ["First", "Second"], "application-changed-by-another");
  const tabs = ["Theirs", "Ours"];
  await walkTwoTabs(page, check, `${organization}/event-types/two.tabs`, "#description", tabs, "event-type-changed-by-another");
  await api(origin, token, "DELETE", "/event-type/two.tabs?expunge=true");
  await walkGone(page, check, ask, `${own}/webhooks`, hook);
  await ask("POST", "/msg", { eventType: "order.paid", payload: {} });
  await walkNews(page, check, ask, `${own}/messages`);
  await walkSlow(page, `${own}/webhooks`);
  await walkFailing(page, check, ask, `${own}/webhooks`);
  // Pages about users keep the way back into the organization.
  for (const name of ["users", "account"]) {
    await page.goto(`${origin}/console/${name}`);
    await page.click("nav >> text=Event types");
    await page.waitForURL(/event-types$/);
  }
  await api(origin, token, "DELETE", `/app/${id}`);
}
