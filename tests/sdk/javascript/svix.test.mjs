// The official JavaScript client against Ringback, its present generation and the last of the one before: what their
// users rely on works by changing the server's address.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { Webhook as StandardWebhook } from "standardwebhooks";
import * as first from "svix-1";
import * as second from "svix";

import { noteCalls } from "./every-method.mjs";
import polling from "./polling.mjs";
import replay from "./replay.mjs";
import { eventually, startReceiver, startServer } from "./server.mjs";

let server, receiver;

before(async () => {
  server = await startServer();
  receiver = await startReceiver();
});

after(async () => {
  await receiver.stop();
  await server.stop();
});

const refused = async (promise, code) => {
  await assert.rejects(promise, (error) => error.code === code || assert.fail(`${code} expected: ${error.code} ${error}`));
};

const all = async (list) => {
  const items = [];
  for (let iterator; ; ) {
    const page = await list({ limit: 2, iterator });
    items.push(...page.data);
    if (page.done) return items;
    iterator = page.iterator;
  }
};

// An operation that the client, or its models, have no words for.
const ask = async (method, path, body) => {
  const headers = { authorization: `Bearer ${server.token}`, "content-type": "application/json" };
  const answer = await fetch(`${server.url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
};

for (const [generation, { Svix, Webhook, AutoConfigConsumer }] of [["svix 2", second], ["svix 1", first]]) {
  // Names of members are those of the generation.
  const isSecond = generation === "svix 2";
  const types = isSecond ? "eventTypes" : "filterTypes";
  const put = isSecond ? "upsert" : "update";

  const faults = noteCalls(Svix);

  describe(generation, () => {
    let svix, app, path, endpoint;
    const world = { isSecond, types, refused, ask };

    before(async () => {
      // Without retries a 5xx of the server fails the test that met it.
      svix = new Svix(server.token, { serverUrl: server.url, numRetries: 0 });
      Object.assign(world, { svix, receiver });
      app = (await svix.application.create({ name: "customer", uid: `c-${randomUUID()}` })).id;
      path = `/hook/${randomUUID()}`;
      endpoint = await svix.endpoint.create(app, { url: receiver.url(path), description: "all" });
    });

    const send = (payload, more) => svix.message.create(app, { eventType: "order.paid", payload, ...more });

    test("an application is made, read, changed, listed and deleted", async () => {
      const uid = `c-${randomUUID()}`;
      const made = await svix.application.create({ name: "Acme", uid, metadata: { plan: "gold" } });
      assert.match(made.id, /^app_[A-Za-z0-9]{27}$/);
      assert.deepEqual(await svix.application.get(uid), made);
      assert.deepEqual(await svix.application.getOrCreate({ name: "Other", uid }), made);
      assert.equal((await svix.application.patch(uid, { name: "Acme 2" })).name, "Acme 2");
      assert.equal((await svix.application[put](uid, { name: "Acme 3", uid })).name, "Acme 3");
      const listed = await all((options) => svix.application.list(options));
      assert.ok(listed.some(({ id }) => id === made.id));
      await svix.application.delete(uid);
      await refused(svix.application.get(made.id), 404);
    });

    test("an event type is made, changed, archived, and comes out of an OpenAPI document", async () => {
      const name = `user.${randomUUID()}`;
      await svix.eventType.create({ name, description: "A user", schemas: { 1: { type: "object" } } });
      await refused(svix.eventType.create({ name, description: "again" }), 409);
      assert.equal((await svix.eventType.patch(name, { deprecated: true })).deprecated, true);
      assert.equal((await svix.eventType[put](name, { description: "Now" })).description, "Now");
      await svix.eventType.delete(name);
      assert.equal((await svix.eventType.get(name)).archived, true);
      const spec = { webhooks: { [`${name}.imported`]: { post: { description: "Imported" } } } };
      const dry = await svix.eventType.importOpenapi({ spec, dryRun: true });
      assert.deepEqual(dry.data.toModify.map((found) => found.name), [`${name}.imported`]);
      const { data } = await svix.eventType.importOpenapi({ spec });
      assert.deepEqual(data.modified, [`${name}.imported`]);
      assert.equal((await svix.eventType.get(`${name}.imported`)).description, "Imported");
      const listed = async (more) => {
        const types = await all((options) => svix.eventType.list({ ...options, ...more }));
        return types.map((type) => type.name);
      };
      assert.ok((await listed()).includes(`${name}.imported`) && !(await listed()).includes(name));
      assert.ok((await listed({ includeArchived: true })).includes(name));
    });

    test("an endpoint is made, changed, listed, rotated and deleted", async () => {
      const type = `sms.${randomUUID()}`;
      await svix.eventType.create({ name: type, description: "" });
      const uid = `e-${randomUUID()}`;
      const made = await svix.endpoint.create(app, { url: receiver.url("/other"), uid, [types]: [type], channels: ["eu"] });
      assert.deepEqual([made[types], made.channels], [[type], ["eu"]]);
      assert.deepEqual(await svix.endpoint.get(app, uid), made);
      const patched = await svix.endpoint.patch(app, uid, { disabled: true, channels: null });
      assert.deepEqual([patched.disabled, patched.channels ?? null, patched[types]], [true, null, [type]]);
      assert.ok((await all((options) => svix.endpoint.list(app, options))).some(({ id }) => id === made.id));
      const secret = (await svix.endpoint.getSecret(app, uid)).key;
      await svix.endpoint.rotateSecret(app, uid, {});
      assert.notEqual((await svix.endpoint.getSecret(app, uid)).key, secret);
      await svix.endpoint.patchHeaders(app, uid, { headers: { "x-tenant": "acme", authorization: "Bearer of-mine" } });
      const shown = await svix.endpoint.getHeaders(app, uid);
      assert.deepEqual([shown.headers, shown.sensitive], [{ "x-tenant": "acme" }, ["authorization"]]);
      await svix.endpoint.patchHeaders(app, uid, { headers: { "x-tenant": "acme 2" }, deleteHeaders: ["authorization"] });
      assert.deepEqual((await svix.endpoint.getHeaders(app, uid)).sensitive, []);
      const putHeaders = isSecond ? "setHeaders" : "updateHeaders";
      await svix.endpoint[putHeaders](app, uid, { headers: { "x-a": "1" } });
      assert.deepEqual((await svix.endpoint.getHeaders(app, uid)).headers, { "x-a": "1" });
      if (svix.endpoint.headersUpdate) {
        // The words of old for the same.
        await svix.endpoint.headersUpdate(app, uid, { headers: { "x-a": "2" } });
        await svix.endpoint.headersPatch(app, uid, { headers: { "x-b": "3" } });
        assert.deepEqual((await svix.endpoint.getHeaders(app, uid)).headers, { "x-a": "2", "x-b": "3" });
      }
      const replaced = await svix.endpoint[put](app, uid, { url: receiver.url("/put"), uid, description: "put" });
      assert.deepEqual([replaced.id, replaced.url, replaced.disabled], [made.id, receiver.url("/put"), false]);
      await svix.endpoint.delete(app, uid);
      await refused(svix.endpoint.get(app, uid), 404);
    });

    test("an example of an event type arrives", async () => {
      const name = `example.${randomUUID()}`;
      const schemas = { 1: { type: "object", examples: [{ n: 41 }] } };
      await svix.eventType.create({ name, description: "", schemas });
      const sent = await svix.endpoint.sendExample(app, endpoint.id, { eventType: name });
      const arrival = await eventually(() => receiver.at(path).find(({ headers }) => headers["webhook-id"] === sent.id));
      assert.deepEqual([arrival.body, sent.eventType], ['{"n":41}', name]);
      await refused(svix.endpoint.sendExample(app, endpoint.id, { eventType: "never.made" }), 404);
    });

    test("a message arrives as it was handed in, and both verifiers accept it", async () => {
      const payload = { z: 1, a: { text: "grün ✓", nothing: null }, list: [1.5, "x", true] };
      const earlier = receiver.at(path).length;
      const message = await send(payload);
      const arrival = (await receiver.waitFor(path, earlier + 1)).find(({ headers }) => headers["webhook-id"] === message.id);
      assert.equal(arrival.body, JSON.stringify(payload));
      const { key } = await svix.endpoint.getSecret(app, endpoint.id);
      new Webhook(key).verify(arrival.body, arrival.headers);
      assert.deepEqual(new StandardWebhook(key).verify(arrival.body, arrival.headers), payload);
      assert.throws(() => new Webhook(key).verify(`${arrival.body} `, arrival.headers));
    });

    test("code of the endpoint's owner changes what arrives, and what it calls off is not sent", async () => {
      const own = (await svix.application.create({ name: "transforming" })).id;
      const at = `/hook/${randomUUID()}`;
      const { id } = await svix.endpoint.create(own, { url: receiver.url(at) });
      const read = () => (isSecond ? svix.endpoint.transformation.get(own, id) : svix.endpoint.transformationGet(own, id));
      const change = (to) =>
        isSecond ? svix.endpoint.transformation.patch(own, id, to) : svix.endpoint.patchTransformation(own, id, to);
      assert.equal((await read()).enabled, false);
      const code = `function handler(webhook) {
        webhook.payload = { total: webhook.payload.lines.length };
        webhook.headers["x-lines"] = "yes";
        webhook.cancel = webhook.payload.total === 0;
        return webhook;
      }`;
      await change({ code, enabled: true });
      assert.deepEqual([(await read()).code, (await read()).enabled], [code, true]);
      const none = await svix.message.create(own, { eventType: "order.paid", payload: { lines: [] } });
      await svix.message.create(own, { eventType: "order.paid", payload: { lines: ["a", "b"] } });
      const [arrival] = await receiver.waitFor(at, 1);
      assert.deepEqual([arrival.body, arrival.headers["x-lines"]], ['{"total":2}', "yes"]);
      new Webhook((await svix.endpoint.getSecret(own, id)).key).verify(arrival.body, arrival.headers);
      const [{ status }] = (await svix.messageAttempt.listAttemptedDestinations(own, none.id)).data;
      // A failure to clients that do not ask for the newer states.
      assert.deepEqual([status, receiver.at(at).length], [2, 1]);
      await refused(change({ code: "no code" }), 422);
      // The operation of old changes the same.
      await svix.endpoint.transformationPartialUpdate(own, id, { enabled: false });
      assert.deepEqual([(await read()).code, (await read()).enabled], [code, false]);
      await svix.message.create(own, { eventType: "order.paid", payload: { lines: [] } });
      assert.equal((await receiver.waitFor(at, 2))[1].body, '{"lines":[]}');
    });

    test("an event id is taken once, and an unknown thing is not found", async () => {
      const eventId = randomUUID();
      const message = await send({ n: 1 }, { eventId });
      assert.equal((await svix.message.get(app, eventId)).id, message.id);
      await refused(send({ n: 2 }, { eventId }), 409);
      await refused(svix.message.get(app, "none"), 404);
      await refused(svix.message.create(app, { eventType: "not a name", payload: {} }), 422);
      assert.equal((await svix.message.precheck(app, { eventType: "order.paid" })).active, true);
    });

    test("a failure is retried, its attempts are told, and it is sent again on request", async () => {
      const flaky = `/flaky/${randomUUID()}`;
      receiver.answer(flaky, 500, 503);
      const { id } = await svix.endpoint.create(app, { url: receiver.url(flaky), channels: [flaky.slice(7)] });
      const message = await send({ n: 1 }, { channels: [flaky.slice(7)] });
      await receiver.waitFor(flaky, 3);
      const attempts = async () => (await svix.messageAttempt.listByMsg(app, message.id, { endpointId: id })).data;
      const told = await eventually(async () => (await attempts()).length === 3 && attempts());
      assert.deepEqual(told.map((attempt) => attempt.responseStatusCode).sort(), [200, 500, 503]);
      const failed = await svix.messageAttempt.listByEndpoint(app, id, { status: 2 });
      assert.equal(failed.data.length, 2);
      assert.equal((await svix.messageAttempt.get(app, message.id, told[0].id)).msgId, message.id);
      await svix.messageAttempt.resend(app, message.id, id);
      await receiver.waitFor(flaky, 4);
      const stands = await svix.messageAttempt.listAttemptedDestinations(app, message.id);
      assert.ok(stands.data.some((one) => one.id === id && one.status === 0));
      const messages = await svix.messageAttempt.listAttemptedMessages(app, id);
      assert.deepEqual(messages.data.map((one) => one.id), [message.id]);
    });

    test("what failed is recovered by a task that can be asked how far it is", async () => {
      const task = await svix.endpoint.recover(app, endpoint.id, { since: new Date(Date.now() - 3_600_000) });
      assert.match(task.id, /^qtask_/);
      const done = await eventually(async () => {
        const now = await svix.backgroundTask.get(task.id);
        return now.status !== "running" && now;
      });
      assert.equal(done.status, "finished");
    });

    test("what the organization is set up with is exported and imported", async () => {
      const exported = await svix.environment.export();
      assert.ok(exported.eventTypes.length > 0 && exported.createdAt instanceof Date);
      const eventTypes = exported.eventTypes.slice(0, 3).map(({ name, description }) => ({ name, description }));
      await svix.environment.import({ eventTypes });
      await refused(svix.environment.import({ eventTypes: [{ name: "not a name", description: "" }] }), 422);
    });

    test("operational webhooks are endpoints of the organization's own", async () => {
      const webhooks = isSecond ? svix.operationalWebhook.endpoint : svix.operationalWebhookEndpoint;
      const made = await webhooks.create({ url: receiver.url("/operational") });
      assert.ok((await webhooks.list()).data.some(({ id }) => id === made.id));
      assert.match((await webhooks.getSecret(made.id)).key, /^whsec_/);
      const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
      await webhooks.rotateSecret(made.id, { key });
      assert.equal((await webhooks.getSecret(made.id)).key, key);
      await webhooks[isSecond ? "setHeaders" : "updateHeaders"](made.id, { headers: { "x-team": "platform" } });
      assert.deepEqual((await webhooks.getHeaders(made.id)).headers, { "x-team": "platform" });
      const told = `/operational/${randomUUID()}`;
      const replaced = await webhooks[put](made.id, { url: receiver.url(told), description: "put" });
      assert.deepEqual([replaced.id, (await webhooks.get(made.id)).description], [made.id, "put"]);
      const created = await svix.endpoint.create(app, { url: receiver.url("/new") });
      const arrival = await eventually(() => receiver.at(told).find(({ body }) => body.includes(created.id)));
      const event = JSON.parse(arrival.body);
      assert.deepEqual([event.type, event.data.appId, arrival.headers["x-team"]], ["endpoint.created", app, "platform"]);
      new Webhook(key).verify(arrival.body, arrival.headers);
      await svix.endpoint.delete(app, created.id);
      await webhooks.delete(made.id);
      await refused(webhooks.get(made.id), 404);
    });

    test("an integration acts for its application with its key, until that is rotated", async () => {
      const { id } = await svix.integration.create(app, { name: "crm" });
      const { key } = isSecond ? await svix.integration.rotateKey(app, id) : await svix.integration.getKey(app, id);
      const program = new Svix(key, { serverUrl: server.url, numRetries: 0 });
      assert.ok((await program.endpoint.list(app)).data.length > 0);
      await refused(program.application.list(), 403);
      await svix.integration.rotateKey(app, id);
      await refused(program.endpoint.list(app), 401);
      assert.equal((await svix.integration.update(app, id, { name: "the crm" })).name, "the crm");
      assert.equal((await svix.integration.get(app, id)).name, "the crm");
      assert.ok((await svix.integration.list(app)).data.some((one) => one.id === id && one.name === "the crm"));
      await svix.integration.delete(app, id);
      await refused(svix.integration.get(app, id), 404);
    });

    test("messages are leased to a consumer and given again until they are committed", async () => {
      const made = await new second.Svix(server.token, { serverUrl: server.url, numRetries: 0 }).destination.create(app, {
        type: "pollingEndpoint",
        config: {},
      });
      const sent = [await send({ n: 1 }), await send({ n: 2 }), await send({ n: 3 })].map(({ id }) => id);
      const { key } = await svix.integration.rotateKey(app, (await svix.integration.create(app, { name: "night" })).id);
      const content = { aid: app, eid: made.id, surl: server.url, esec: "", tok: key };
      const token = `auto_v1_${Buffer.from(JSON.stringify(content)).toString("base64")}`;
      const consumer = new AutoConfigConsumer(token, {});

      const two = await consumer.receive("c", { limit: 2, leaseDurationMs: 1000 });
      assert.deepEqual(two.data.map(({ id }) => id), sent.slice(0, 2));
      await refused(consumer.receive("c"), 409);
      await consumer.commit("c", two.data[0].offset);
      const again = await eventually(() => consumer.receive("c").catch(() => null));
      assert.deepEqual(again.data.map(({ id }) => id), sent.slice(1));
      await consumer.commit("c", again.data.at(-1).offset);
      assert.deepEqual(await consumer.receive("c"), { data: [], done: true });
    });

    test("the customer's token reaches its own application alone, until it is ended", async () => {
      const { token, url } = await svix.authentication.appPortalAccess(app, {});
      assert.match(url, /^http/);
      const customer = new Svix(token, { serverUrl: server.url, numRetries: 0 });
      assert.ok((await customer.endpoint.list(app)).data.length > 0);
      await refused(customer.application.list(), 403);
      await svix.authentication.expireAll(app, {});
      await eventually(() => customer.endpoint.list(app).then(() => false, (error) => error.code === 401));
    });

    test("who logs out is out, and nobody else is", async () => {
      const link = async () => {
        const { token } = await svix.authentication.appPortalAccess(app, {});
        return new Svix(token, { serverUrl: server.url, numRetries: 0 });
      };
      const [leaving, staying] = [await link(), await link()];
      await leaving.authentication.logout();
      await refused(leaving.endpoint.list(app), 401);
      assert.ok((await staying.endpoint.list(app)).data.length > 0);
      // The token of the organization is the operator's, and is revoked in the console.
      await refused(svix.authentication.logout(), 400);
      if (svix.authentication.dashboardAccess) {
        const { url, token } = await svix.authentication.dashboardAccess(app);
        assert.ok(url.startsWith(server.url) && url.endsWith(token));
      }
    });

    test("a server that is there is healthy, and says so to anybody", async () => {
      assert.equal((await new Svix("nonsense", { serverUrl: server.url, numRetries: 0 }).health.get()) ?? null, null);
      await assert.rejects(new Svix("nobody", { serverUrl: "http://127.0.0.1:1", numRetries: 0 }).health.get());
    });

    replay(world);
    polling(world);

    // A run of some tests calls some methods.
    test("there is no method of the client that no test calls", { skip: !process.env.EVERY_METHOD }, () => {
      assert.deepEqual(faults(), []);
    });
  });
}
