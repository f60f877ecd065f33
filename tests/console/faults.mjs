// What is wrong with the form of a webhook: whoever presses Test Webhook is brought to it. And the sample that a preview of
// events is made of.
import assert from "node:assert/strict";
import { api } from "./api.mjs";

export async function walkFaults({ page, check, origin, base, token, hook }) {
  const organization = base.split("/app_")[0];
  const { id } = await api(origin, token, "POST", "/app", { name: "Faults" });
  const own = `${organization}/${id}/webhooks`;
  const focused = () => page.evaluate(() => document.activeElement.id);
  const isSeen = () => page.evaluate(() => {
    const { top, bottom } = document.activeElement.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });
  const open = () => page.evaluate(() => [...document.querySelectorAll("details.more[open] h2")].map((one) => one.textContent));
  const test = () => page.click("button[value=test]");

  // The first field that something is wrong with; what is folded is unfolded for it, and nothing else.
  await page.goto(`${own}/add/dlr`);
  await page.setViewportSize({ width: 375, height: 700 });
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await test();
  await page.waitForSelector("#faults >> text=Nothing was sent or saved yet: something has to be changed.");
  assert.equal(await focused(), "url");
  assert.ok(await isSeen(), "the fault is in sight");
  assert.deepEqual(await open(), []);
  await page.fill("#url", `${hook}/faults`);
  await page.click("summary >> text=Delivery");
  await page.fill("#timeout", "soon");
  await page.click("summary >> text=Delivery");
  await page.evaluate(() => { document.querySelector("details.more[open]")?.removeAttribute("open"); });
  await test();
  await page.waitForFunction(() => document.activeElement.id === "timeout");
  assert.ok(await isSeen());
  assert.deepEqual(await open(), ["Delivery"]);
  await page.click("#faults a >> text=Timeout");
  assert.equal(await focused(), "timeout", "what is wrong is named above the form, and leads there");
  await check("webhook-test-refused");
  await page.fill("#timeout", "5s");
  await page.check("[name=customHeadersEnabled]");
  await page.click("button[value=add-header]");
  await page.waitForSelector("#header-0-name");
  await page.fill("#header-0-name", "no header");
  await page.fill("#header-0-value", "x");
  await test();
  await page.waitForFunction(() => document.activeElement.id === "header-0-name" && document.activeElement.ariaInvalid === "true");
  await page.click("button[value=remove-header-0]");
  await page.waitForSelector("#header-0-name", { state: "detached" });

  // What is wrong with no field is read where it stands.
  for (let at = 0; at < 11; at += 1) {
    const answer = page.waitForResponse((response) => response.request().method() === "POST");
    await test();
    await answer;
  }
  await page.waitForSelector("#faults >> text=At most 10 tests a minute");
  await page.waitForFunction(() => document.activeElement.id === "faults");
  assert.ok(!(await page.textContent("#faults")).includes("something has to be changed"));

  // A webhook for events has a preview before anybody has named one: of a report, or of an event type with an example.
  await page.goto(`${own}/add/event`);
  await page.waitForSelector("#preview-request >> text=sms.dlr");
  await page.waitForSelector("#preview-request .message");
  const examples = [{ invoice: "in_1" }];
  await api(origin, token, "POST", "/event-type", { name: "invoice.paid", description: "", schemas: { 1: { type: "object", examples } } });
  await api(origin, token, "POST", "/event-type", { name: "invoice.void", description: "" });
  await page.goto(`${own}/add/event`);
  await page.waitForSelector("#preview-request >> text=invoice.paid");
  assert.ok((await page.textContent("#preview-request")).includes("in_1"));
  await check("webhook-add-event-sample");
  await page.fill("#eventTypes", "invoice.void");
  await page.waitForSelector("#preview-request >> text=Sample payload: There is no sample of this event type");
  await page.fill("#url", `${hook}/faults`);
  await test();
  await page.waitForFunction(() => document.activeElement.id === "samplePayload");
  await check("webhook-test-without-sample");
  await page.click("#eventTypes >> xpath=ancestor::section >> a >> text=Event types");
  await page.waitForURL(/event-types$/);
  for (const name of ["invoice.paid", "invoice.void"]) await api(origin, token, "DELETE", `/event-type/${name}?expunge=true`);
  await api(origin, token, "DELETE", `/app/${id}`);
  await page.setViewportSize({ width: 1280, height: 900 });
}
