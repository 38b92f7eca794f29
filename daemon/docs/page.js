// Draws the page from openapi.json and sends the requests that a reader tries. The key lives in one variable
// here: it goes into a header of a request to this origin and nowhere else.
"use strict";

const root = location.pathname.replace(/\/api\/docs\/?$/, "");
let key = "";
let api = null;

const $ = (id) => document.getElementById(id);

// make("p", { class: "x" }, "text", node, …)
function make(name, attributes = {}, ...inside) {
  const node = document.createElement(name);
  for (const [k, v] of Object.entries(attributes)) if (v !== undefined && v !== false) node.setAttribute(k, v);
  node.append(...inside.flat().filter((one) => one !== undefined && one !== null));
  return node;
}

function resolve(what) {
  let at = what;
  while (at && at.$ref) at = at.$ref.slice(2).split("/").reduce((from, name) => from[name], api);
  return at;
}

// The document's words know `code`, paragraphs and lists, and nothing else.
function words(text) {
  const spans = (line) => line.split(/(`[^`]*`)/).map((part) =>
    part.startsWith("`") ? make("code", {}, part.slice(1, -1)) : part);
  const nodes = [];
  let list = null;
  for (const block of text.split("\n\n")) {
    if (block.startsWith("- ")) {
      if (!list) nodes.push(list = make("ul"));
      list.append(make("li", {}, spans(block.slice(2))));
    } else {
      list = null;
      nodes.push(make("p", {}, spans(block)));
    }
  }
  return nodes;
}

const nameOf = (ref) => ref.split("/").pop();
const schemaLink = (ref) => make("a", { href: "#schema-" + nameOf(ref) }, nameOf(ref));

// What a value may be, in a line.
function typeOf(schema) {
  if (schema.$ref) return [schemaLink(schema.$ref)];
  const either = schema.anyOf || schema.allOf;
  if (either) return either.filter((one) => one.$ref || one.type || one.anyOf || one.allOf)
    .flatMap((one, i) => (i ? [" or ", ...typeOf(one)] : typeOf(one)));
  if (schema.enum) return [schema.enum.map(String).join(" | ")];
  if (!schema.type) return ["anything"];
  const types = [].concat(schema.type);
  const parts = [];
  types.forEach((type, i) => {
    if (i) parts.push(" or ");
    if (type === "array") parts.push("list of ", ...typeOf(schema.items));
    else parts.push(schema.format && schema.format !== "int64" && type === "string" ? schema.format : type);
  });
  return parts;
}

function bounds(schema) {
  const inner = schema.items && !schema.items.$ref ? schema.items : schema;
  const said = [];
  if (inner.minimum !== undefined && inner.maximum !== undefined) said.push(`${inner.minimum} to ${inner.maximum}`);
  else if (inner.minimum !== undefined) said.push(`at least ${inner.minimum}`);
  else if (inner.maximum !== undefined) said.push(`at most ${inner.maximum}`);
  if (schema.maxLength) {
    const least = schema.minLength ? `${schema.minLength} to` : "at most";
    said.push(`${least} ${schema.maxLength} characters`);
  }
  if (schema.maxItems) said.push(`at most ${schema.maxItems} elements`);
  if (schema.uniqueItems) said.push("none twice");
  if (schema["x-bytes-max"]) said.push(`at most ${schema["x-bytes-max"]} bytes as JSON`);
  if (schema.default !== undefined) said.push(`${schema.default} where absent`);
  const line = said.join(", ");
  return line && `${line[0].toUpperCase()}${line.slice(1)}.`;
}

function members(schema) {
  const list = make("dl");
  for (const [name, member] of Object.entries(schema.properties || {})) {
    const must = (schema.required || []).includes(name) && schema.additionalProperties === false;
    const said = [member.description, bounds(member)].filter(Boolean).join(" ");
    const entry = make("div", { class: "member" },
      make("dt", {}, make("code", {}, name), make("span", { class: "type" }, typeOf(member)),
        must ? make("span", { class: "must" }, "required") : null));
    if (said) entry.append(make("dd", {}, said));
    if (member.properties) entry.append(make("dd", {}, members(member)));
    list.append(entry);
  }
  return list;
}

const json = (value) => JSON.stringify(value, null, 2);
const shown = (text, label) => make("pre", { tabindex: "0", role: "region", "aria-label": label }, text);
const chevron = () => make("span", { class: "chevron", "aria-hidden": "true" });

function input(parameter, id) {
  const { schema } = parameter;
  const field = schema.enum
    ? make("select", { id }, make("option", { value: "" }, ""), schema.enum.map((v) => make("option", {}, v)))
    : make("input", { id, autocomplete: "off", spellcheck: "false",
      inputmode: schema.type === "integer" ? "numeric" : undefined });
  field.dataset.name = parameter.name;
  field.dataset.in = parameter.in;
  const note = [parameter.description || schema.description, schema.enum ? "" : bounds(schema)]
    .filter(Boolean).join(" ");
  if (note) field.setAttribute("aria-describedby", id + "-note");
  return make("div", {}, make("label", { for: id }, make("code", {}, parameter.name),
    parameter.in === "query" ? "" : ` in the ${parameter.in}`), field,
    note ? make("small", { id: id + "-note" }, note) : null);
}

// What the form holds as a request; throws where the path is not whole.
function requestOf(form, path, method) {
  const headers = { Accept: "application/json" };
  const query = new URLSearchParams();
  let target = path;
  for (const field of form.querySelectorAll("[data-name]")) {
    const value = field.value.trim();
    const { name } = field.dataset;
    if (field.dataset.in === "path") {
      if (!value) { field.focus(); throw new Error(`The path needs ${name}.`); }
      target = target.replace(`{${name}}`, encodeURIComponent(value));
    } else if (value && field.dataset.in === "query") query.set(name, value);
    else if (value) headers[name] = value;
  }
  if (key) headers["X-API-Key"] = key;
  const area = form.querySelector("textarea");
  const body = area && area.value.trim() ? area.value : undefined;
  if (body) headers["Content-Type"] = "application/json";
  const asked = [...query].length ? `${target}?${query}` : target;
  return { asked, init: { method, headers, body, cache: "no-store", credentials: "omit", redirect: "error" } };
}

async function send(form, path, method, into) {
  const button = form.querySelector("button");
  into.replaceChildren();
  let request;
  try { request = requestOf(form, path, method); } catch (why) {
    into.append(make("p", { class: "line refused" }, why.message));
    return;
  }
  button.disabled = true;
  const began = performance.now();
  try {
    const answer = await fetch(root + request.asked, request.init);
    const text = await answer.text();
    const ms = Math.round(performance.now() - began);
    let pretty = text;
    if ((answer.headers.get("Content-Type") || "").includes("json")) {
      try { pretty = json(JSON.parse(text)); } catch { /* shown as it came */ }
    }
    const fields = [...answer.headers].map(([k, v]) => `${k}: ${v}`).join("\n");
    into.append(make("p", { class: answer.ok ? "line" : "line refused" },
      `${answer.status} ${answer.statusText} in ${ms} ms`));
    if (pretty) into.append(shown(pretty, "Body of the answer"));
    into.append(make("h4", {}, "Header fields"), shown(fields, "Header fields of the answer"));
  } catch (why) {
    into.append(make("p", { class: "line refused" }, `No answer: ${why.message}`));
  } finally {
    button.disabled = false;
  }
}

function statusRow(status, answer) {
  const [first, ...rest] = answer.description.split("\n\n");
  const codes = rest.map((line) => (line.match(/^- `([^`]+)`/) || [])[1]).filter(Boolean);
  const body = make("div", { class: "body" }, rest.length ? words(rest.join("\n\n")) : null);
  const seen = new Set();
  for (const [type, content] of Object.entries(answer.content || {})) {
    const { schema } = content;
    const text = json(schema);
    if (seen.has(text)) continue;
    seen.add(text);
    body.append(make("p", {}, make("code", {}, type), ": ", typeOf(schema)));
    if (content.example) body.append(shown(json(content.example), `Example of ${status}`));
  }
  const fields = Object.keys(answer.headers || {});
  if (fields.length) body.append(make("h4", {}, "Header fields"), make("p", {}, fields.join(", ")));
  return make("details", { class: "status" },
    make("summary", {}, make("b", {}, status), make("span", {}, codes.length ? codes.join(", ") : first),
      chevron()), body);
}

function routeNode(path, method, operation) {
  const id = operation.operationId;
  const name = method.toUpperCase();
  const role = operation.security.length ? Object.values(operation.security[0])[0][0] : "";
  const into = make("div", { class: "answer", role: "status" });
  const form = make("form", { "aria-label": `Try ${name} ${path}`, autocomplete: "off" });
  const parameters = operation.parameters.map(resolve);
  const fields = (list) => make("div", { class: "fields" }, list.map((p) => input(p, `${id}-${p.name}`)));
  const inUrl = parameters.filter((p) => p.in !== "header");
  if (inUrl.length) form.append(make("h4", {}, "Parameters"), fields(inUrl));
  if (operation.requestBody) {
    const content = operation.requestBody.content["application/json"];
    const text = json(content.example);
    form.append(make("h4", {}, "Body: ", schemaLink(content.schema.$ref)),
      make("label", { for: id + "-body" }, "JSON"),
      make("textarea", { id: id + "-body", spellcheck: "false", rows: Math.min(14, text.split("\n").length + 1) },
        text));
  }
  form.append(make("details", { class: "more" }, make("summary", {}, "Header fields", chevron()),
    fields(parameters.filter((p) => p.in === "header"))));
  form.append(make("p", { class: "send" }, make("button", { type: "submit" }, `Send ${name}`)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form, path, name, into);
  });
  const answers = Object.entries(operation.responses).map(([s, a]) => statusRow(s, resolve(a)));
  return make("details", { class: "route", id, "data-route": `${name} ${path}` },
    make("summary", {}, make("span", { class: `method ${method}` }, name),
      make("span", { class: "what" }, make("span", { class: "path" }, path),
        make("span", { class: "told" }, operation.summary)),
      make("span", { class: "needs" }, role || "open"), chevron()),
    make("div", { class: "inside" }, operation.description ? words(operation.description) : null,
      form, into, make("h4", {}, "Answers"), answers));
}

function draw() {
  document.querySelector("h1").append(" ", make("small", {}, api.info.version));
  $("about").textContent = api.info.summary;
  $("introduction").append(...words(api.info.description));
  for (const tag of api.tags) {
    const section = make("section", { "aria-labelledby": "group-" + tag.name },
      make("h2", { id: "group-" + tag.name }, tag.name), make("p", {}, tag.description));
    const list = make("ul");
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (operation.tags[0] !== tag.name) continue;
        section.append(routeNode(path, method, operation));
        list.append(make("li", {}, make("a", { href: "#" + operation.operationId },
          make("span", { class: `method ${method}` }, method === "delete" ? "DEL" : method.toUpperCase()),
          make("span", {}, path.replace(/^\/api\//, "")))));
      }
    }
    $("routes").append(section);
    $("contents").append(make("section", {}, make("h2", {}, tag.name), list));
  }
  for (const [name, schema] of Object.entries(api.components.schemas).sort(([a], [b]) => (a < b ? -1 : 1))) {
    $("schemas").append(make("details", { class: "schema", id: "schema-" + name },
      make("summary", {}, make("code", {}, name), chevron()),
      make("div", { class: "inside" }, schema.description ? make("p", {}, schema.description) : null,
        members(schema))));
  }
  $("schemas").hidden = false;
  $("loading").hidden = true;
}

// A link to a route or a schema opens it.
function follow() {
  const target = location.hash.length > 1 && $(decodeURIComponent(location.hash.slice(1)));
  if (!target || target.tagName !== "DETAILS") return;
  target.open = true;
  target.querySelector("summary").focus({ preventScroll: true });
  target.scrollIntoView();
}

function find() {
  const wanted = $("find").value.trim().toLowerCase();
  let count = 0;
  for (const node of document.querySelectorAll("details.route")) {
    const fits = node.querySelector("summary").textContent.toLowerCase().includes(wanted);
    node.hidden = !fits;
    document.querySelector(`nav a[href="#${node.id}"]`).parentNode.hidden = !fits;
    count += fits;
  }
  for (const section of document.querySelectorAll("#routes > section, #contents > section"))
    section.hidden = !section.querySelector(".route:not([hidden]), li:not([hidden])");
  $("found").textContent = wanted ? `${count} ${count === 1 ? "route" : "routes"}` : "";
}

async function begin() {
  $("key").addEventListener("input", (event) => { key = event.target.value.trim(); });
  $("key-form").addEventListener("submit", (event) => event.preventDefault());
  $("find").addEventListener("input", find);
  addEventListener("hashchange", follow);
  try {
    const answer = await fetch(root + "/api/docs/openapi.json", { credentials: "omit" });
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
    api = await answer.json();
    draw();
    follow();
  } catch (why) {
    $("loading").textContent = `The document cannot be read: ${why.message}`;
  }
}

begin();
