// A receiver of webhooks, with what Node brings along and nothing else.
//
//     PORT=8080 WEBHOOK_SECRET=whsec_... BEARER_SECRET=... VALIDATION_KEY=... node receiver.js
//
// It answers three kinds of webhook at three paths (../README.md) and prints one line for each request. In production it
// stands behind a proxy that speaks TLS.
'use strict';

const { createHmac, timingSafeEqual } = require('node:crypto');
const { createServer } = require('node:http');

const { WEBHOOK_SECRET, BEARER_SECRET, VALIDATION_KEY, PORT = '8080' } = process.env;
if (!WEBHOOK_SECRET || !BEARER_SECRET || !VALIDATION_KEY) {
  throw new Error('WEBHOOK_SECRET, BEARER_SECRET and VALIDATION_KEY must be set');
}

const MAX_BODY = 2 * 1024 * 1024;
const TOLERANCE_SECONDS = 5 * 60;
const ANT_PARAMETERS = ['smsId', 'destination', 'sendTime', 'sendResult', 'dr', 'smsCount'];

// --- A delivery report of ANT: GET with six parameters. -------------------------------------------------------------

function antReport(url) {
  for (const name of ANT_PARAMETERS) {
    // A value may be empty, a parameter may not be absent.
    if (!url.searchParams.has(name)) return { status: 400, note: `${name} is missing` };
  }
  // Put the report into a queue or a table here, and answer; work on it afterwards.
  return { status: 200, note: url.search.slice(1) };
}

// --- A signed event: POST with a JSON body, as Standard Webhooks describes it. --------------------------------------

// Why the request is not known to come from the sender; undefined if it is his.
function whyNotVerified(secret, headers, body, now) {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signatures = headers['webhook-signature'];
  if (!id || !timestamp || !signatures) return { status: 400, note: 'not signed' };
  if (!/^\d+$/.test(timestamp)) return { status: 400, note: 'webhook-timestamp is no number' };
  if (Math.abs(now - Number(timestamp)) > TOLERANCE_SECONDS) return { status: 401, note: 'too old or from the future' };

  // The signature is over the bytes as they came: JSON that was parsed and written again is other bytes.
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  // While a secret is being changed there is one signature for the new and one for the old, with a space between.
  for (const signature of signatures.split(' ')) {
    const [version, value = ''] = signature.split(',');
    if (version === 'v1' && same(Buffer.from(value, 'base64'), expected)) return undefined;
  }
  return { status: 401, note: 'no signature matches' };
}

// Takes as long for a near miss as for a far one, so that nobody can guess byte by byte.
function same(a, b) {
  return a.length === b.length && timingSafeEqual(a, b);
}

// Ids of events that are done. In production: a table with a unique key, written in the transaction that does the work,
// and kept for a week; then it outlives a restart and two processes.
const done = new Set();

function signedEvent(headers, body) {
  const refused = whyNotVerified(WEBHOOK_SECRET, headers, body, Date.now() / 1000);
  if (refused) return refused;
  const event = jsonObject(body);
  if (!event) return { status: 400, note: 'no JSON object' };
  const id = headers['webhook-id'];
  // An answer of ours got lost, or somebody asked for a replay.
  if (done.has(id)) return { status: 200, note: `${id} again, already done` };
  done.add(id);
  return { status: 200, note: `${id} ${event.message?.id} ${event.message?.status}` };
}

// --- A bearer secret, and the handshake before the first report. ----------------------------------------------------

function callback(headers, body) {
  if (!same(Buffer.from(headers.authorization ?? ''), Buffer.from(`Bearer ${BEARER_SECRET}`))) {
    return { status: 401, note: 'wrong secret' };
  }
  const content = jsonObject(body);
  if (!content) return { status: 400, note: 'no JSON object' };
  if ('challenge' in content) {
    if (!same(Buffer.from(String(content.validation_key)), Buffer.from(VALIDATION_KEY))) {
      return { status: 403, note: 'wrong validation key' };
    }
    return { status: 200, note: 'handshake', json: { challenge: String(content.challenge) } };
  }
  return { status: 200, note: `${content.id} ${content.status}` };
}

function jsonObject(body) {
  try {
    const content = JSON.parse(body.toString('utf8'));
    return content && typeof content === 'object' && !Array.isArray(content) ? content : undefined;
  } catch {
    return undefined;
  }
}

// --- HTTP. ----------------------------------------------------------------------------------------------------------

function route(method, url, headers, body) {
  switch (`${method} ${url.pathname}`) {
    case 'GET /ant-sms-deliver': return antReport(url);
    case 'POST /webhooks': return signedEvent(headers, body);
    case 'POST /receive/callback': return callback(headers, body);
  }
  switch (url.pathname) {
    case '/ant-sms-deliver': return { status: 405, note: 'another method is expected', allow: 'GET' };
    case '/webhooks':
    case '/receive/callback': return { status: 405, note: 'another method is expected', allow: 'POST' };
  }
  return { status: 404, note: 'no such path' };
}

async function read(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function respond(request, response) {
  const url = new URL(`http://receiver${request.url}`);
  const body = await read(request);
  const answer = body ? route(request.method, url, request.headers, body) : { status: 413, note: 'too large' };
  console.log(`${request.method} ${url.pathname} ${answer.status} ${answer.note}`);
  const content = answer.json ? JSON.stringify(answer.json) : '';
  response.writeHead(answer.status, {
    'content-length': Buffer.byteLength(content),
    ...(content && { 'content-type': 'application/json' }),
    ...(answer.allow && { allow: answer.allow }),
    ...(!body && { connection: 'close' }),
  });
  response.end(content);
}

const server = createServer((request, response) => {
  respond(request, response).catch((error) => {
    console.error(error);
    response.destroy();
  });
});
// Longer than the sender keeps a connection that does nothing (30 s), so that a request never meets one just closed.
server.keepAliveTimeout = 40_000;
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
