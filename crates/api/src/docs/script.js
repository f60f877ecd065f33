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

/** A schema's type in a few words. */
function typeOf(api, schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const alternatives = schema.oneOf || schema.anyOf;
  if (alternatives) return alternatives.map((one) => typeOf(api, one)).join(" or ");
  const types = [].concat(schema.type || "any");
  const text = types.map((type) => (type === "array" ? `list of ${typeOf(api, schema.items)}` : type));
  return text.join(" or ") + (schema.format ? ` (${schema.format})` : "");
}

/** A table of rows: name, type, description. */
function table(caption, rows) {
  const body = rows.map((row) =>
    element("tr", {},
      element("th", { scope: "row" }, element("code", {}, row.name), row.required ? " *" : ""),
      element("td", { class: "soft" }, row.type),
      element("td", {}, row.text)));
  return element("table", {}, element("caption", {}, caption), element("tbody", {}, ...body));
}

/** The members of an object as a table; nothing if it has none. */
function members(api, caption, schema) {
  const resolved = resolve(api, schema);
  const required = new Set(resolved.required || []);
  const rows = Object.entries(resolved.properties || {}).map(([name, member]) => ({
    name,
    type: typeOf(api, member),
    text: (member.deprecated ? "Deprecated. " : "") + (member.description || ""),
    required: required.has(name),
  }));
  return rows.length ? [table(caption, rows)] : [];
}

/** The JSON schema of a request or an answer. */
function jsonOf(part) {
  return part && part.content && part.content["application/json"] && part.content["application/json"].schema;
}

/** One operation. */
function show(api, path, method, operation) {
  const parameters = (operation.parameters || []).map((parameter) => ({
    name: parameter.name,
    type: `${parameter.in}, ${typeOf(api, parameter.schema)}`,
    text: parameter.description || "",
    required: parameter.required,
  }));
  const answers = Object.entries(operation.responses || {}).map(([status, answer]) => [status, resolve(api, answer)]);
  const good = answers.filter(([status]) => status < "300");
  const bad = answers.filter(([status]) => status >= "300");
  return element("article", { id: operation.operationId },
    element("h3", { class: "path" }, element("span", { class: "method" }, method.toUpperCase()), path),
    element("p", {}, operation.summary || operation.description || ""),
    ...(parameters.length ? [table("Parameters", parameters)] : []),
    ...members(api, "Body", jsonOf(operation.requestBody)),
    ...good.flatMap(([status, answer]) => {
      const schema = jsonOf(answer);
      const tables = members(api, `Answer ${status}${schema ? `: ${typeOf(api, schema)}` : ""}`, schema);
      return tables.length ? tables : [element("p", { class: "soft" }, `Answer ${status}: ${answer.description || "empty"}`)];
    }),
    ...(bad.length ? [element("details", {}, element("summary", { class: "soft" }, "Errors"),
      table("", bad.map(([status, answer]) => ({
        name: status, type: typeOf(api, jsonOf(answer)), text: answer.description || "",
      }))))] : []));
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
  for (const [tag, operations] of groups) {
    const links = operations.map(([, , operation]) =>
      element("li", {}, element("a", { href: `#${operation.operationId}` }, operation.summary || operation.operationId)));
    document.getElementById("contents").append(element("h2", {}, tag), element("ul", {}, ...links));
    document.getElementById("operations").append(element("h2", {}, tag),
      ...operations.map(([path, method, operation]) => show(api, path, method, operation)));
  }
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

fetch("/openapi.json").then((answer) => answer.json()).then(render).catch((error) => {
  document.getElementById("operations").append(element("p", {}, `The document cannot be shown: ${error}`));
});
