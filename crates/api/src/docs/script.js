// Shows /openapi.json as a page. Everything is put in as text, never as markup.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

/** Makes an element with attributes and children. */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** What a reference leads to. */
function resolve(api, part) {
  if (!part || !part.$ref) return part || {};
  return part.$ref.slice(2).split("/").reduce((at, key) => at[key], api);
}

/** The name of a schema as people read it. */
function nameOf(reference) {
  return reference.split("/").pop().replace(/^ListResponse_/, "page of ");
}

/** A schema's type in a few words. */
function typeOf(api, schema) {
  if (!schema) return "";
  if (schema.$ref) return resolve(api, schema).enum ? "string" : nameOf(schema.$ref);
  if (schema.allOf) return "object";
  const alternatives = schema.oneOf || schema.anyOf;
  if (alternatives) return alternatives.map((one) => typeOf(api, one)).join(" or ");
  const types = [].concat(schema.type || "any");
  const text = types.map((type) => (type === "array" ? `list of ${typeOf(api, schema.items)}` : type));
  return text.join(" or ") + (schema.format && !schema.format.startsWith("int") ? ` (${schema.format})` : "");
}

/** What values are allowed, in a few words. */
function limitsOf(api, schema) {
  const whole = [schema, ...((schema && (schema.oneOf || schema.anyOf)) || [])].map((part) => resolve(api, part));
  const limits = Object.assign({}, ...whole);
  const range = (least, most, unit) =>
    least > 0 && most !== undefined ? `${least} to ${most}${unit}` :
    most !== undefined ? `at most ${most}${unit}` : least > 0 ? `${least}${least === 1 ? unit.replace(/s$/, "") : unit} or more` : "";
  return [
    limits.enum ? limits.enum.filter((value) => value !== null).map((value) => `\`${value}\``).join(", ") : "",
    range(limits.minimum, limits.maximum, ""),
    range(limits.minLength, limits.maxLength, " characters"),
    range(limits.minItems, limits.maxItems, " items"),
    limits.default !== undefined ? `default ${limits.default}` : "",
  ].filter((text) => text).join("; ");
}

/** A text in which what stands between backticks is code. */
function prose(text) {
  return text.split("`").map((part, at) => (at % 2 ? element("code", {}, part) : part));
}

/** A table of rows: name, type, description and limits. */
function table(caption, rows) {
  const body = rows.map((row) =>
    element("tr", {},
      element("th", { scope: "row" }, element("code", {}, row.name),
        row.required ? element("abbr", { title: "has to be there" }, " *") : ""),
      element("td", { class: "soft" }, row.type),
      element("td", {}, ...prose(row.text), " ",
        ...(row.limits ? [element("span", { class: "soft" }, ...prose(`${row.limits[0].toUpperCase()}${row.limits.slice(1)}.`))] : []))));
  return element("table", {}, ...(caption ? [element("caption", {}, caption)] : []), element("tbody", {}, ...body));
}

/** The members of an object, those of all its parts: [name, schema, whether it has to be there]. */
function membersOf(api, schema) {
  const resolved = resolve(api, schema);
  const required = new Set(resolved.required || []);
  return [
    ...(resolved.allOf || []).flatMap((part) => membersOf(api, part)),
    ...Object.entries(resolved.properties || {}).map(([name, member]) => [name, member, required.has(name)]),
  ];
}

/** The members of an object as a table, and those of the items of its lists; nothing if it has none. */
function members(api, caption, schema) {
  const all = membersOf(api, schema);
  if (!all.length) return [];
  const rows = all.map(([name, member, required]) => ({
    name,
    type: typeOf(api, member),
    text: (member.deprecated ? "Deprecated. " : "") + (member.description || ""),
    limits: limitsOf(api, member),
    required,
  }));
  const items = all.filter(([, member]) => member.items && membersOf(api, member.items).length);
  return [table(caption, rows), ...items.flatMap(([name, member]) => members(api, `Each of ${name}`, member.items))];
}

/** The JSON schema of a request or an answer. */
function jsonOf(part) {
  return part && part.content && part.content["application/json"] && part.content["application/json"].schema;
}

/** The good answers: those that look the same are told together. */
function answersOf(api, answers) {
  const groups = new Map();
  for (const [status, answer] of answers) {
    const schema = jsonOf(answer);
    const key = schema ? JSON.stringify(schema) : status;
    groups.set(key, [...(groups.get(key) || []), [status, answer, schema]]);
  }
  return [...groups.values()].flatMap((group) => {
    const [, answer, schema] = group[0];
    const caption = `Answer ${group.map(([status]) => status).join(" or ")}`;
    const tables = members(api, `${caption}: ${typeOf(api, schema)}`, schema);
    return tables.length ? tables : [element("p", { class: "soft" }, `${caption}. `, ...prose(answer.description || ""))];
  });
}

/** One operation. */
function show(api, path, method, operation) {
  const parameters = (operation.parameters || []).map((parameter) => ({
    name: parameter.name,
    type: `${parameter.in}, ${typeOf(api, parameter.schema)}`,
    text: parameter.description || "",
    limits: limitsOf(api, parameter.schema),
    required: parameter.required,
  }));
  const answers = Object.entries(operation.responses || {}).map(([status, answer]) => [status, resolve(api, answer)]);
  const good = answers.filter(([status]) => status < "300");
  const bad = answers.filter(([status]) => status >= "300");
  const about = [operation.summary, operation.description].filter((text) => text).join(" ");
  return element("article", { id: operation.operationId },
    element("h3", { class: "path" }, element("span", { class: "method" }, method.toUpperCase()), " ", path),
    element("p", {}, ...prose(about)),
    ...(parameters.length ? [table("Parameters", parameters)] : []),
    ...members(api, "Body", jsonOf(operation.requestBody)),
    ...answersOf(api, good),
    ...(bad.length ? [element("details", {}, element("summary", { class: "soft" }, "Errors"),
      table("", bad.map(([status, answer]) => ({
        name: status, type: typeOf(api, jsonOf(answer)), text: answer.description || "",
      }))))] : []));
}

/** The first sentence of a text, without its end. */
function firstSentence(text) {
  return text.split(". ")[0].replace(/\.$/, "");
}

/** The whole page. */
function render(api) {
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((method) => item[method])) {
      const tag = (item[method].tags || ["Other"])[0];
      groups.set(tag, [...(groups.get(tag) || []), [path, method, item[method]]]);
    }
  }
  document.getElementById("about").replaceChildren(`${api.info.description} Version ${api.info.version}. `,
    element("a", { href: "/openapi.json" }, "OpenAPI document"));
  // Beside the operations there is room for the contents; above them they would push everything else away.
  document.getElementById("box").open = matchMedia("(min-width: 50rem)").matches;
  for (const [tag, operations] of groups) {
    const links = operations.map(([, , operation]) =>
      element("li", {}, element("a", { href: `#${operation.operationId}` }, firstSentence(operation.summary || operation.operationId))));
    document.getElementById("contents").append(element("h2", {}, tag), element("ul", {}, ...links));
    document.getElementById("operations").append(element("h2", {}, tag),
      ...operations.map(([path, method, operation]) => show(api, path, method, operation)));
  }
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

fetch("/openapi.json").then((answer) => answer.json()).then(render).catch((error) => {
  document.getElementById("operations").append(element("p", {}, `The document cannot be shown: ${error}`));
});
