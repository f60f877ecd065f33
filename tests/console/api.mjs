// What the walks ask of the API: what a producer does, and no page.
import assert from "node:assert/strict";

/** Asks the API. */
export async function api(origin, token, method, path, body) {
  const answer = await fetch(`${origin}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}
