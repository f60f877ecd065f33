// The form of a webhook as somebody fills it in who has no mouse, and leaves out the protocol.
import assert from "node:assert/strict";

export async function walkForm({ page, base }) {
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.value || document.activeElement.name);
  await page.goto(`${base}/add/dlr`);
  await page.selectOption("#product", "whatsapp");
  await page.waitForSelector("#productUniqueId");
  await page.fill("#parameters\\.messageId", "their-id");
  await page.selectOption("#reportType", "mo");
  await page.waitForSelector("text=Required Parameters", { state: "detached" });
  await page.focus("#reportType");
  await page.selectOption("#reportType", "dlr");
  await page.waitForSelector("text=Required Parameters");
  assert.equal(await page.inputValue("#parameters\\.messageId"), "their-id");
  assert.equal(await focused(), "reportType");

  // Rows are added and taken away, and one can go on writing.
  await page.focus("[name=customHeadersEnabled]");
  await page.keyboard.press("Space");
  await page.waitForSelector("button[value=add-header]");
  assert.equal(await focused(), "on", "the box is still the place");
  await page.focus("button[value=add-header]");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.id === "header-0-name");
  await page.keyboard.type("X-Env");
  await page.focus("button[value=add-header]");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.id === "header-1-name");
  await page.focus("button[value=remove-header-1]");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.value === "add-header");
  assert.equal(await page.inputValue("#header-0-name"), "X-Env");

  // Without scripts a button brings the fields that a choice has.
  assert.ok(!(await page.isVisible("text=Update the form")));
  const storageState = await page.context().storageState();
  const plain = await page.context().browser().newContext({ storageState, javaScriptEnabled: false });
  const still = await plain.newPage();
  await still.goto(`${base}/add/dlr`);
  await still.selectOption("#product", "whatsapp");
  await still.click("text=Update the form");
  await still.waitForSelector("#productUniqueId");
  await still.check("[name=customHeadersEnabled]");
  await still.click("text=Update the form");
  await still.click("button[value=add-header]");
  await still.waitForSelector("#header-0-name");
  await plain.close();

  // A protocol is a click away.
  await page.fill("#url", "receiver.example/dlr");
  await page.click("button[value=save]");
  await page.click("button:has-text('Use https://receiver.example/dlr')");
  await page.waitForFunction(() => document.activeElement.id === "url");
  assert.equal(await page.inputValue("#url"), "https://receiver.example/dlr");
  assert.ok(!(await page.textContent("#preview-request")).includes("x-webhook-test"));
}
