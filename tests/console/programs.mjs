// Programs of a customer: a key that works, and a polling endpoint that is read with it.
import assert from "node:assert/strict";

const HOSTILE = `<img src=x onerror=alert(1)>"'`;

export async function walkPrograms({ page, check, origin, base, until }) {
  await page.click("nav >> text=Webhooks");
  await page.goto(base.replace("/webhooks", "/programs"));
  await page.waitForSelector("text=No program has a key yet");
  await check("programs-empty");
  await page.fill("#name", HOSTILE);
  await page.click("text=Make a key");
  await page.waitForSelector(".alert code");
  const key = (await page.textContent(".alert code")).trim();
  assert.match(key, /^integsk_/);
  await page.click("summary >> text=Add a polling endpoint");
  await page.fill("#uid", "nightly");
  await page.fill("#eventTypes", "sms.dlr");
  await check("programs");
  await page.click("button >> text=Add polling endpoint");
  await page.waitForSelector("text=How it is read");
  await check("poller");
  const path = (await page.textContent(".copyable pre")).match(/\/api\/v1\S+(?=')/)[0];
  const asked = await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${key}` } });
  assert.equal(asked.status, 200);
  assert.deepEqual((await asked.json()).data, []);

  // Another key: the first one counts no more.
  await page.click("nav >> text=Programs");
  await page.click("td >> text=Rotate");
  await page.click("dialog button >> text=Rotate");
  await page.waitForSelector(".alert code");
  assert.notEqual((await page.textContent(".alert code")).trim(), key);
  let status;
  await until("the end of the first key", () => {
    fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${key}` } }).then((answer) => { status = answer.status; });
    return status === 401;
  });
}
