// Names, ids and URLs as long as they may be: no page scrolls sideways for them, on a phone or on a desk.
import assert from "node:assert/strict";
import { api } from "./api.mjs";

/** A word of so many letters without a place to break it. */
const word = (letters) => "Donaudampfschifffahrtsgesellschaft".repeat(Math.ceil(letters / 34)).slice(0, letters);

/** Widths that a page is looked at in: a small phone, and a desk. */
const WIDTHS = [375, 1280];

/** How far a page, or a table of it, is wider than where it stands; and what sticks out. */
function widths() {
  const told = (one) => `${one.tagName.toLowerCase()}.${one.className} ${one.textContent.trim().slice(0, 60)}`;
  const page = document.documentElement.scrollWidth - innerWidth;
  const tables = [...document.querySelectorAll("main .table-wrap")]
    .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth)
    .map((one) => `${one.getAttribute("aria-label")}: ${one.scrollWidth} in ${one.clientWidth}`);
  const out = page <= 0 ? [] : [...document.querySelectorAll("body *")]
    .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 0.5 && !one.closest(".side nav"))
    .map(told).slice(0, 5);
  return { page, tables, out };
}

export async function walkLong({ page, origin, base, token, hook }) {
  const organization = base.split("/app_")[0];
  const type = `${word(100)}.${word(100)}`;
  await api(origin, token, "POST", "/event-type", { name: type, description: word(300) });
  const app = await api(origin, token, "POST", "/app", { name: word(120), uid: word(120) });
  const ask = (method, path, body) => api(origin, token, method, `/app/${app.id}${path}`, body);
  const long = { url: `${hook}/${word(300)}?${word(60)}=${word(100)}`, description: word(200), eventTypes: [type] };
  const one = await ask("POST", "/endpoint", { ...long, uid: word(120) });
  const [all] = [await ask("POST", "/endpoint", { url: `http://${word(60)}.${word(60)}.${word(60)}.example:61234/` })];
  const sent = { eventType: type, eventId: word(200), channels: [word(100)], tags: [word(100)] };
  const message = await ask("POST", "/msg", { ...sent, payload: { [word(100)]: word(400) } });
  const own = `${organization}/${app.id}`;
  const hooks = `${own}/webhooks`;
  const message_page = `${own}/messages/${message.id}`;
  await page.goto(message_page);
  await page.waitForFunction(() => /answered 201/.test(document.body.textContent));
  // What came of attempts is counted in memory, and kept every ten seconds.
  await page.goto(`${own}/overview`);
  for (const end = Date.now() + 30_000; (await page.locator(".columns table").count()) === 0 && Date.now() < end;) {
    await page.waitForTimeout(500);
    await page.reload();
  }
  const wide = [];
  for (const path of [
    organization, `${own}/application`, `${own}/application/delete`, hooks, `${hooks}?find=nobody`, `${hooks}/${one.id}`,
    `${hooks}/${one.id}/edit`, `${hooks}/${one.id}/again`, `${hooks}/${one.id}/secret`, `${hooks}/${one.id}/transformation`,
    `${hooks}/${one.id}/delete`, `${hooks}/${all.id}`, `${own}/overview`, `${own}/overview/${one.id}`,
    `${organization}/overview`, `${own}/messages`, `${own}/messages?type=${type}`, message_page, `${own}/tasks`,
    `${own}/programs`, `${organization}/event-types`, `${organization}/event-types/${type}`, `${organization}/access`,
    `${organization}/audit`, `${organization}/import`,
  ]) {
    await page.goto(path);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      const found = await page.evaluate(widths);
      if (found.page > 0 || found.tables.length > 0) wide.push({ path: path.replace(origin, ""), width, ...found });
    }
  }
  assert.deepEqual(wide.map((one) => JSON.stringify(one)), [], "pages that scroll sideways");
  await ask("DELETE", `/endpoint/${one.id}`);
  await page.goto(`${hooks}/deleted`);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    const { page: over, tables } = await page.evaluate(widths);
    assert.deepEqual([over <= 0, tables], [true, []], `deleted webhooks at ${width}`);
  }
  await api(origin, token, "DELETE", `/app/${app.id}`);
  await api(origin, token, "DELETE", `/event-type/${type}?expunge=true`);
  console.log("ok long names, ids and URLs");
}
