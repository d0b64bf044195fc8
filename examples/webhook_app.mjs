// Sessions without a return address, and a webhook that says what was signed. Node 20 or newer, without dependencies.
//
// The service runs in another terminal: `make demo` in the folder of the repository starts it, and prints the key. Then,
// in the same folder (the first command prints the secret, once):
//
//   .venv/bin/signroom webhooks create http://127.0.0.1:8000/webhook --subscription Demo
//   export SIGNING_URL=http://127.0.0.1:8400 SIGNING_KEY='Example application|...' WEBHOOK_SECRET=whsec_...
//   node examples/webhook_app.mjs 8000
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const { SIGNING_URL, SIGNING_KEY, WEBHOOK_SECRET = "" } = process.env;
const links = new Map(); // order -> address of its signing page
const signed = new Map(); // id of the event, which may come more than once -> document. Yours is a table.

/** A call of the API. A refusal has a `code` that never changes. */
async function api(method, path, body) {
  const headers = { "X-Api-Key": SIGNING_KEY, "Content-Type": "application/json" };
  const answer = await fetch(SIGNING_URL + path, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${answer.status}: ${(await answer.json()).code}`);
  return answer.json();
}

/** Whether the service has sent these bytes just now: its signature is over the bytes as they came. */
function genuine(body, headers) {
  const [id, sent, signatures] = ["id", "timestamp", "signature"].map((name) => headers[`webhook-${name}`] ?? "");
  if (!/^\d+$/.test(sent) || Math.abs(Date.now() / 1000 - Number(sent)) > 300) return false;
  const key = Buffer.from(WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
  if (key.length < 24) return false; // no secret was set: anybody could sign with an empty key
  const expected = Buffer.from(`v1,${createHmac("sha256", key).update(`${id}.${sent}.`).update(body).digest("base64")}`);
  return signatures.split(" ").some((one) => {
    const given = Buffer.from(one);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function home() {
  const asked = [...links].map(([order, link]) =>
    `<li><a href="${escape(link)}" target="_blank" rel="noopener">Sign order ${escape(order)}</a>`);
  const done = [...signed.values()].map((document) => {
    const names = document.signers.map((s) =>
      escape(s.certificate.subjectDisplayName ?? "?") + (s.identityConfirmed ? "" : " (nobody has confirmed this identity)"));
    const file = `<a href="/documents/${document.id}">${escape(document.signedFile?.name ?? "?")}</a>`;
    return `<li>Order ${escape(document.callbackArgument ?? "")}: ${file}, signed by ${names.join(", ")}`;
  });
  return `<!doctype html><html lang=en><meta charset=utf-8><title>Orders</title><h1>Orders</h1>
<form method=post action=/orders><label>Order <input name=order value=42 maxlength=50 required></label>
<button>Ask for a signature</button></form><ul>${asked.join("")}</ul><h2>Signed</h2><ul>${done.join("")}</ul>`;
}

/** The status, the body and the header lines of an answer. */
async function answer(request, body) {
  const call = `${request.method} ${request.url}`;
  if (call === "GET /") return [200, home(), { "Content-Type": "text/html; charset=utf-8" }];
  if (call === "POST /orders") {
    // No return address: the user need not come back, the webhook tells us.
    const order = new URLSearchParams(body.toString()).get("order") ?? "";
    const session = await api("POST", "/api/signature-sessions", { callbackArgument: order });
    links.set(order, session.redirectUrl);
    return [303, "", { Location: "/" }];
  }
  if (call === "POST /webhook") {
    if (!genuine(body, request.headers)) return [400, "", {}];
    const event = JSON.parse(body); // answer soon; what takes long is done later
    if (event.type === "DocumentSignatureCompleted") {
      signed.set(request.headers["webhook-id"], event.document);
      links.delete(event.document.callbackArgument);
    }
    return [204, "", {}];
  }
  const [, id] = /^GET \/documents\/([0-9a-f-]{36})$/.exec(call) ?? [];
  if (!id) return [404, "", {}];
  const document = await api("GET", `/api/documents/${id}`); // addresses of files work for four hours
  return [302, "", { Location: document.signedFile.location }];
}

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const [status, text, headers] = await answer(request, Buffer.concat(chunks)).catch((error) => [502, error.message, {}]);
  response.writeHead(status, headers).end(text);
}).listen(Number(process.argv[2] ?? 8000), "127.0.0.1");
