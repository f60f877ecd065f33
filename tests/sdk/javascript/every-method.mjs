// The law that some test calls each method of the client, with success: calls are noted as they return, and at the end
// those methods are named that nothing has called.
//
// The methods are found by looking at the client, so that a newer one which has more of them fails until each is tested,
// or stands below with the reason why it cannot be.

// What the server does not offer; docs/compatibility.md says why.
const NOT_OFFERED = [
  [/^authentication\..*stream/i, "streams are another product"],
  [/^autoconfigSubscription\./, "set-up by a client that is told how in a token"],
  [/^connector\./, "a template for the hosted portal of its vendor"],
  [/^destination\.transformation\./, "sinks of other kinds"],
  [/^ingest\./, "this server sends"],
  [/^streaming\./, "streams are another product"],
];

const isOffered = (method) => !NOT_OFFERED.some(([pattern]) => pattern.test(method));

const isResource = (value) => typeof value === "object" && value !== null && Object.getPrototypeOf(value) !== Object.prototype;

/** Each method of a client or resource: as it is called, the prototype that has it, and its name there. */
function* methodsOf(owner, path = "") {
  const prototype = Object.getPrototypeOf(owner);
  for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (name === "constructor") continue;
    if (typeof member.value === "function") yield [`${path}${name}`, prototype, name];
    else if (member.get && isResource(owner[name])) yield* methodsOf(owner[name], `${path}${name}.`);
  }
  for (const [name, value] of Object.entries(owner)) {
    if (name !== "requestCtx" && isResource(value)) yield* methodsOf(value, `${path}${name}.`);
  }
}

/** Notes which methods of a client have been called and have returned; gives what says what is against the law. */
export function noteCalls(Svix) {
  const called = new Set();
  // A resource that can be reached by two ways is one.
  const names = new Map();
  for (const [method, prototype, name] of [...methodsOf(new Svix("nobody", { serverUrl: "http://nowhere.invalid" }))]) {
    if ([...names.values()].some((known) => known.prototype === prototype && known.name === name)) continue;
    names.set(method, { prototype, name });
    const call = prototype[name];
    prototype[name] = async function (...given) {
      const answer = await call.apply(this, given);
      called.add(method);
      return answer;
    };
  }
  return () => {
    const never = [...names.keys()].filter((method) => isOffered(method) && !called.has(method));
    const afterAll = [...called].filter((method) => !isOffered(method));
    return [
      ...never.map((method) => `no test calls ${method} with success`),
      ...afterAll.map((method) => `${method} is offered after all: take it out of NOT_OFFERED`),
    ];
  };
}
