// The server under test, the real binary with a store of its own in a temporary folder; and a receiver of webhooks.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Settings of the shell that the tests run in are none of the server's business.
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("RINGBACK_")));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function freePort() {
  const listener = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

/** Starts the server and gives its address, a token, and how to end it. */
export async function startServer() {
  const binary = process.env.RINGBACK_BIN;
  const folder = mkdtempSync(join(tmpdir(), "ringback-"));
  const store = `sqlite:${join(folder, "store")}`;
  const url = `http://127.0.0.1:${await freePort()}`;
  const log = openSync(join(folder, "server.log"), "w");
  const flags = ["serve", "--listen", url.slice("http://".length), "--store", store];
  flags.push("--egress-allow", "127.0.0.0/8", "--retry-schedule", "200ms,200ms,5m");
  const server = spawn(binary, flags, { stdio: ["ignore", log, log], env: environment });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const read = () => readFileSync(join(folder, "server.log"), "utf8");
  for (let tries = 0; ; tries++) {
    if (server.exitCode !== null || tries > 600) throw new Error(`the server does not start\n${read()}`);
    const health = await fetch(`${url}/api/v1/health`).catch(() => undefined);
    if (health?.status === 204) break;
    await pause(50);
  }
  const token = execFileSync(binary, ["token", "--store", store], { env: environment, encoding: "utf8" }).trim();
  const stop = async () => {
    server.kill("SIGTERM");
    const status = await ended;
    if (status !== 0) throw new Error(`the server ended with status ${status}\n${read()}`);
    rmSync(folder, { recursive: true });
  };
  return { url, token, stop };
}

/** Starts a receiver: it keeps what arrives by its path, and answers with the statuses that it was told, then with 200. */
export async function startReceiver() {
  const arrivals = [];
  const statuses = new Map();
  const receiver = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    arrivals.push({ path: request.url, headers: request.headers, body: Buffer.concat(parts).toString() });
    response.writeHead(statuses.get(request.url)?.shift() ?? 200).end("received");
  });
  receiver.listen(0, "127.0.0.1");
  await new Promise((resolve) => receiver.once("listening", resolve));
  const at = (path) => arrivals.filter((arrival) => arrival.path === path);
  return {
    url: (path) => `http://127.0.0.1:${receiver.address().port}${path}`,
    answer: (path, ...list) => statuses.set(path, list),
    at,
    waitFor: (path, count) => eventually(() => at(path).length >= count && at(path)),
    stop: () => new Promise((resolve) => { receiver.closeAllConnections(); receiver.close(resolve); }),
  };
}

/** What `find` gives, as soon as it gives something that counts as true. */
export async function eventually(find, seconds = 15) {
  for (const deadline = Date.now() + seconds * 1_000; ; await pause(20)) {
    const found = await find();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s`);
  }
}
