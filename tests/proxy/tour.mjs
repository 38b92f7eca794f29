// Every operation of the API document at least once, through a proxy that writes what breaks the document
// into the answer's field sl-violations. Fails where an answer breaks it, where a request does that was
// answered well, and where an operation was left out.
import { readFile } from "node:fs/promises";

const { URL: base, KEY, DOCUMENT } = process.env;
const startTriesMax = 300;
const document = JSON.parse(await readFile(DOCUMENT, "utf8"));
const left = new Set();
for (const [path, operations] of Object.entries(document.paths))
    for (const method of Object.keys(operations))
        if (["get", "post", "patch", "delete"].includes(method)) left.add(`${method} ${path}`);
const operations = left.size;
let calls = 0;
const wrong = [];

const waiting = (ms) => new Promise((done) => setTimeout(done, ms));

async function proxyAnswers() {
    for (let i = 0; i < startTriesMax; ++i) {
        try {
            await fetch(`${base}/livez`);
            return;
        } catch {
            await waiting(100);
        }
    }
    throw new Error("Prism does not answer");
}

// A path's template in the document, the one with the fewest parameters first.
function templateOf(path) {
    const fits = (template) =>
        new RegExp(`^${template.replace(/\{[^}]+\}/g, "[^/]+")}$`).test(path);
    return Object.keys(document.paths).filter(fits).sort((a, b) => a.split("{").length - b.split("{").length)[0];
}

async function ask(status, method, target, body, fields = {}) {
    const headers = { "X-API-Key": KEY, ...fields };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    for (const name of Object.keys(headers)) if (headers[name] === null) delete headers[name];
    const answer = await fetch(base + target, {
        method,
        headers,
        body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    const said = `${method} ${target} (${answer.status})`;
    ++calls;
    left.delete(`${method.toLowerCase()} ${templateOf(target.split("?")[0])}`);
    if (answer.status !== status) wrong.push(`${said} should be ${status}: ${text.slice(0, 400)}`);
    for (const one of JSON.parse(answer.headers.get("sl-violations") ?? "[]"))
        if (one.location?.[0] === "response" || answer.status < 400)
            wrong.push(`${said} violates the document: ${JSON.stringify(one)}`);
    let value;
    try {
        value = JSON.parse(text);
    } catch {
        value = undefined;
    }
    return { value, tag: answer.headers.get("etag"), location: answer.headers.get("location") };
}

const get = (target, status = 200, fields) => ask(status, "GET", target, undefined, fields);
const post = (status, target, body, fields) => ask(status, "POST", target, body, fields);
const patch = (status, target, body, fields) => ask(status, "PATCH", target, body, fields);
const del = (status, target) => ask(status, "DELETE", target);

const nowhere = "00000000-0000-4000-8000-000000000000";

async function service() {
    for (const path of ["/health", "/livez", "/readyz", "/health/detailed", "/metrics"]) await get(path);
    const { tag } = await get("/api/docs/openapi.json");
    await get("/api/docs/openapi.json", 304, { "If-None-Match": tag });
    await get("/api/docs");
    await get("/api/docs", 200, { Accept: "text/html" });
    await get("/api/docs/page.css", 200, { Accept: "text/css" });
    await get("/api/docs/page.js", 200, { Accept: "text/javascript" });
    await get("/api/sessions", 401, { "X-API-Key": null });
    await get("/api/sessions", 401, { "X-API-Key": nowhere });
}

async function machines() {
    const machine = { hostname: "h", docker_slots: [1, 2], machine_id: "m1", metadata: { rack: 3 } };
    const made = await post(201, "/api/machines", machine);
    await post(200, "/api/machines", machine);
    await post(400, "/api/machines", { hostname: "", docker_slots: "none" });
    await get("/api/machines?status=online&limit=5");
    const { tag } = await get(made.location);
    await get(made.location, 304, { "If-None-Match": tag });
    await patch(200, made.location, { status: "maintenance", metadata: { rack: null } });
    await patch(412, made.location, {}, { "If-Match": '"99"' });
    await post(201, "/api/machines", { hostname: "g", docker_slots: [], machine_id: "m2" });
    await del(204, "/api/machines/m2");
    await get("/api/machines/m2", 404);
}

async function sessions() {
    const begin = { project_id: "p", machine_id: "m1", docker_slot: 1, metadata: { a: { b: [1, null] } } };
    const made = await post(201, "/api/sessions", begin);
    const path = made.location;
    const { session_id } = made.value;
    await post(409, "/api/sessions", begin);
    await post(400, "/api/sessions", { project_id: "", nonsense: 1 });
    await post(400, "/api/sessions", "[");
    await post(201, "/api/sessions", { project_id: "q", machine_id: "m1", status: "pending" });
    const page = await get("/api/sessions?limit=1");
    await get(`/api/sessions?limit=1&cursor=${page.value.next_cursor}`);
    await get("/api/sessions?status=nonsense", 400);
    const { tag } = await get(path);
    await get(path, 304, { "If-None-Match": tag });
    await get(`/api/sessions/${nowhere}`, 404);
    await patch(200, path, { stall_threshold_ms: 60000, checkpoint: { at: 1 }, metadata: { a: null } });
    await patch(409, path, { status: "pending" });
    await patch(412, path, { status: "paused" }, { "If-Match": '"1"' });
    await post(200, `${path}/heartbeat`);
    await post(200, `${path}/heartbeat`, { epoch: 1, phase: "tool", progress: { seq: 3, note: "n" } });
    await post(200, `${path}/heartbeat`, {}, { Prefer: "return=minimal" });
    await post(409, `${path}/heartbeat`, {}, { "X-Session-Epoch": "7" });
    await post(200, "/api/machines/m1/heartbeat", {
        sessions: [{ session_id, epoch: 1 }, { session_id: nowhere }],
    });
    await get("/api/sessions/health");
    for (const what of ["health", "explain", "recovery-state", "events?limit=3&after=1"]) await get(`${path}/${what}`);
    await post(200, "/api/sessions/detect-failures");
    return { path, session_id };
}

async function tasks(session_id) {
    const make = async (task_name) =>
        (await post(201, "/api/tasks", { session_id, project_id: "p", task_name, github_issue_id: "7" })).location;
    const [done, failed, open, gone] = [await make("a"), await make("b"), await make("c"), await make("d")];
    for (const status of ["in_progress", "completed"]) await patch(200, done, { status });
    await patch(200, failed, { status: "failed", error_message: "e" });
    await patch(409, done, { status: "pending" });
    const { tag } = await get(open);
    await get(open, 304, { "If-None-Match": tag });
    await get(`/api/tasks?session_id=${session_id}&status=failed&limit=2`);
    await del(204, gone);
    await get(gone, 404);
    await post(400, "/api/tasks", { session_id: nowhere, project_id: "p", task_name: "x" });
}

async function recovery(path) {
    await post(400, `${path}/recover`, { new_machine_id: "m3" });
    await post(200, `${path}/mark-stalled`);
    await get("/api/sessions/stalled?limit=5");
    await get(`${path}/explain`);
    await post(200, `${path}/prepare-recovery`, { clear_machine: true });
    const { location } = await post(201, `${path}/recover`, { new_machine_id: "m3" });
    await post(200, `${path}/recover`, { new_machine_id: "m3" });
    await post(409, `${path}/heartbeat`, {});
    await get(`${path}/events`);
    await post(200, `${path}/archive`);
    await get("/api/sessions/archived");
    await post(200, `${location}/mark-failed`, { error_message: "gave up", metadata: { by: "tour" } });
    await del(204, location);
    await post(410, `${path}/recover`, { new_machine_id: "m3" });
    await post(200, "/api/sessions/cleanup?older_than_days=0");
    await del(200, "/api/sessions/cleanup");
}

await proxyAnswers();
await service();
await machines();
const { path, session_id } = await sessions();
await tasks(session_id);
await recovery(path);
for (const one of left) wrong.push(`no request went to ${one}`);
for (const one of wrong) console.error(one);
console.log(`${calls} requests to ${operations - left.size} of ${operations} operations, ${wrong.length} wrong`);
process.exit(wrong.length > 0 ? 1 : 0);
