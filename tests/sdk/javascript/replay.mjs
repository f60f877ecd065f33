// Sending again what was sent, failed or missed: work that goes on in the background.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { eventually } from "./server.mjs";

/** Declares the tests for one generation of the client. */
export default function (world) {
  const since = new Date(Date.now() - 3_600_000);
  const own = async () => {
    const app = (await world.svix.application.create({ name: "again" })).id;
    const path = `/again/${randomUUID()}`;
    const { id } = await world.svix.endpoint.create(app, { url: world.receiver.url(path) });
    const send = async (n, eventType = "order.paid") =>
      (await world.svix.message.create(app, { eventType, payload: { n } })).id;
    const ids = (from = 0) => world.receiver.at(path).slice(from).map(({ headers }) => headers["webhook-id"]);
    const withStatus = async (status) =>
      (await world.svix.messageAttempt.listAttemptedMessages(app, id, { status })).data.map((message) => message.id);
    return { app, path, endpoint: id, send, ids, withStatus };
  };
  const finished = async ({ id }) => {
    const task = await eventually(async () => {
      const now = await world.svix.backgroundTask.get(id);
      return now.status !== "running" && now;
    });
    assert.equal(task.status, "finished");
    return task;
  };

  test("what failed for good is recovered, and counted as it ended", async () => {
    const { svix, receiver } = world;
    const { app, path, endpoint, send, ids, withStatus } = await own();
    await world.ask("PATCH", `/app/${app}/endpoint/${endpoint}`, { retrySchedule: [] });
    receiver.answer(path, 500, 503);
    const failed = [await send(1), await send(2)];
    await eventually(async () => (await withStatus(2)).length === 2);
    const fine = await send(3);
    await receiver.waitFor(path, 3);
    const count = await eventually(async () => {
      const now = await svix.endpoint.getStats(app, endpoint);
      return now.success === 1 && now;
    });
    assert.deepEqual([count.success, count.fail, count.pending, count.sending], [1, 2, 0, 0]);

    const task = await svix.endpoint.recover(app, endpoint, { since });
    assert.deepEqual([task.task, (await finished(task)).data.deliveriesChanged], ["endpoint.recover", 2]);
    await receiver.waitFor(path, 5);
    assert.deepEqual(ids(3).sort(), failed.sort());
    await eventually(async () => (await withStatus(0)).length === 3);
    assert.deepEqual([await withStatus(2), (await withStatus(0)).includes(fine)], [[], true]);
  });

  test("those of a type, or that ended in a way, are sent again", async () => {
    const { svix, receiver } = world;
    const { app, path, endpoint, send, ids, withStatus } = await own();
    await send(1);
    const other = await send(2, "order.refunded");
    await eventually(async () => (await withStatus(0)).length === 2);
    const replay = async (scope) => {
      const task = await svix.endpoint.bulkReplay(app, endpoint, { since, ...scope });
      assert.equal(task.task, "endpoint.bulk-replay");
      return (await finished(task)).data.deliveriesChanged;
    };
    assert.equal(await replay({ eventTypes: ["order.refunded"], status: 0 }), 1);
    await receiver.waitFor(path, 3);
    assert.deepEqual(ids(2), [other]);
    assert.equal(await replay({ status: 2 }), 0);
  });

  test("an endpoint gets what came before it, and the others nothing", async () => {
    const { svix, receiver } = world;
    const { app, path, send } = await own();
    const sent = [await send(1), await send(2)].sort();
    await receiver.waitFor(path, 2);
    const late = `${path}/late`;
    const { id } = await svix.endpoint.create(app, { url: receiver.url(late) });
    const task = await svix.endpoint.replayMissing(app, id, { since });
    assert.deepEqual([task.task, (await finished(task)).data.deliveriesChanged], ["endpoint.replay", 2]);
    const arrived = await receiver.waitFor(late, 2);
    assert.deepEqual(arrived.map(({ headers }) => headers["webhook-id"]).sort(), sent);
    assert.equal(receiver.at(path).length, 2);

    const tasks = svix.backgroundTask;
    assert.equal((await tasks.list({ limit: 1 })).data[0].id, task.id);
    assert.deepEqual((await tasks.list({ status: "running" })).data, []);
    const kinds = (await tasks.list({ task: "endpoint.bulk-replay" })).data.map((one) => one.task);
    assert.deepEqual([...new Set(kinds)], ["endpoint.bulk-replay"]);
    if (tasks.listByEndpoint) assert.equal((await tasks.listByEndpoint({ limit: 1 })).data[0].id, task.id);
  });

  test("deliveries and event types are told for each application", async () => {
    const { svix } = world;
    const { app, endpoint } = await own();
    const until = new Date();
    const counting = await svix.statistics.aggregateAppStats({ since, until, appIds: [app, "nobody"] });
    assert.deepEqual(counting.unresolvedAppIds, ["nobody"]);
    const { appStats } = (await finished(counting)).data;
    assert.deepEqual(appStats, [{ appId: app, appUid: null, messageDestinations: 0 }]);
    const type = `counted.${randomUUID()}`;
    await svix.eventType.create({ name: type, description: "" });
    await svix.endpoint.patch(app, endpoint, { [world.types]: [type] });
    const gathered = (await finished(await svix.statistics.aggregateEventTypes())).data.event_types;
    const ours = gathered.find(({ appId }) => appId === app);
    assert.deepEqual([ours.explicitlySubscribedEventTypes, ours.hasCatchAllEndpoint], [[type], false]);
  });

  test("what is in messages, and what was answered to attempts, is removed on request", async () => {
    const { svix } = world;
    const { app, send, withStatus } = await own();
    const sent = [await send(1), await send(2), await send(3)];
    await eventually(async () => (await withStatus(0)).length === 3);
    const left = async () => {
      const found = await Promise.all(sent.map((id) => svix.message.get(app, id, { withContent: true })));
      return found.map(({ payload }) => payload);
    };
    const gone = { expired: true };
    await svix.message.expungeContent(app, sent[0]);
    assert.deepEqual(await left(), [gone, { n: 2 }, { n: 3 }]);
    if (svix.message.bulkExpungeContent) {
      const { results } = await svix.message.bulkExpungeContent(app, { ids: [sent[1], "nothing"] });
      assert.deepEqual(results, { [sent[1]]: "expunged", nothing: "not-found" });
      assert.deepEqual(await left(), [gone, gone, { n: 3 }]);
    }
    const purge = await svix.message.expungeAllContents(app);
    assert.match(purge.id, /^qtask_/);
    await finished(purge);
    assert.deepEqual(await left(), [gone, gone, gone]);
    const listed = await svix.message.list(app, { withContent: true });
    assert.deepEqual(listed.data.map(({ id }) => id), sent.toReversed());

    const [attempt] = (await svix.messageAttempt.listByMsg(app, sent[0])).data;
    assert.equal((await svix.messageAttempt.get(app, sent[0], attempt.id)).response, "received");
    await svix.messageAttempt.expungeContent(app, sent[0], attempt.id);
    const after = await svix.messageAttempt.get(app, sent[0], attempt.id);
    assert.deepEqual([after.response, after.responseStatusCode], ["EXPUNGED", 200]);
  });
}
