// Asks the providers' packages for Node which requests are genuine: an array of requests as JSON comes in, an array of
// true and false goes out. The packages are in the folder $PACKAGES.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(`${process.env.PACKAGES}/`);
const twilio = require("twilio");
const { default: Telnyx } = require("telnyx");

// A form as a customer's code reads it: names and decoded values, empty ones too.
const form = (body) => Object.fromEntries(new URLSearchParams(body));

const judges = {
  twilio({ secret, url, headers, body }) {
    const signature = headers["x-twilio-signature"];
    const type = headers["content-type"] ?? "";
    if (type.startsWith("application/json")) return twilio.validateRequestWithBody(secret, signature, url, body);
    return twilio.validateRequest(secret, signature, url, form(body));
  },
  async telnyx({ publicKey, headers, body }) {
    const client = new Telnyx({ apiKey: "none", publicKey });
    try {
      await client.webhooks.unwrap(body, { headers });
      return true;
    } catch (error) {
      if (error.name === "TelnyxWebhookVerificationError") return false;
      throw error;
    }
  },
};

const verdicts = [];
for (const request of JSON.parse(readFileSync(0, "utf8"))) verdicts.push(await judges[request.provider](request));
console.log(JSON.stringify(verdicts));
