// Messages that are asked for.

import assert from "node:assert/strict";
import { test } from "node:test";

/** Declares the tests for one generation of the client. */
export default function (world) {
  const own = async () => {
    const app = (await world.svix.application.create({ name: "polling" })).id;
    // The generation before reads from a polling endpoint, and cannot make it.
    const sink = (await world.ask("POST", `/app/${app}/destination`, { type: "pollingEndpoint", config: {} })).id;
    const send = async (n, more) =>
      (await world.svix.message.create(app, { eventType: "order.paid", payload: { n }, ...more })).id;
    return { app, sink, send };
  };

  test("messages are polled in order with an iterator, and by type and channel", async () => {
    const { poller } = world.svix.message;
    const { app, sink, send } = await own();
    const sent = [];
    for (let n = 0; n < 4; n++) sent.push(await send(n));
    const other = await send(4, { eventType: "order.refunded", channels: ["eu"] });
    const first = await poller.poll(app, sink, { limit: 3 });
    assert.deepEqual(first.data.map(({ id }) => id), sent.slice(0, 3));
    assert.deepEqual(first.data.map(({ payload }) => payload), [{ n: 0 }, { n: 1 }, { n: 2 }]);
    const second = await poller.poll(app, sink, { iterator: first.iterator });
    assert.deepEqual([second.data.map(({ id }) => id), second.done], [[sent[3], other], true]);
    for (const filter of [{ eventType: "order.refunded" }, { channel: "eu" }]) {
      assert.deepEqual((await poller.poll(app, sink, filter)).data.map(({ id }) => id), [other]);
    }
  });

  test("a consumer goes on where it was and is put elsewhere", async () => {
    const { poller } = world.svix.message;
    const { app, sink, send } = await own();
    const sent = [await send(0), await send(1), await send(2)];
    const poll = async (options) => {
      const page = await poller.consumerPoll(app, sink, "crm", options);
      return [page.data.map(({ id }) => id), page.iterator];
    };
    const [ids, iterator] = await poll({ limit: 2 });
    assert.deepEqual(ids, sent.slice(0, 2));
    assert.deepEqual((await poll({ limit: 2 }))[0], ids, "what is not acknowledged is given again");
    assert.deepEqual((await poll({ iterator }))[0], sent.slice(2));
    const { timestamp } = await world.svix.message.get(app, sent[0]);
    const { iterator: begin } = await poller.consumerSeek(app, sink, "crm", { after: timestamp });
    assert.equal(typeof begin, "string");
    assert.deepEqual((await poll())[0], sent);
  });

  const skip = world.isSecond ? false : "this generation has no words for it";
  test("a polling endpoint is made, read, changed, replaced, listed and deleted", { skip }, async () => {
    const { destination, message } = world.svix;
    const { app, send } = await own();
    const type = "pollingEndpoint";
    const made = await destination.create(app, { type, config: {}, uid: "nightly" });
    assert.deepEqual([made.type, made.uid, made.status], [type, "nightly", "enabled"]);
    assert.deepEqual(await destination.get(app, "nightly"), made);
    const patched = await destination.patch(app, made.id, { type, config: {}, channels: ["eu"] });
    assert.deepEqual([patched.uid, patched.channels], ["nightly", ["eu"]]);
    const matching = await send(1, { channels: ["eu"] });
    await send(2);
    assert.deepEqual((await message.poller.poll(app, made.id)).data.map(({ id }) => id), [matching]);
    const replaced = await destination.upsert(app, made.id, { type, config: {}, uid: "daily" });
    assert.deepEqual([replaced.id, replaced.uid, replaced.channels ?? null], [made.id, "daily", null]);
    assert.ok((await destination.list(app)).data.some(({ id }) => id === made.id));
    await destination.delete(app, made.id);
    assert.ok((await destination.list(app)).data.every(({ id }) => id !== made.id));
    await world.refused(message.poller.poll(app, made.id), 404);
  });
}
