/* Acts where the network fails: shows a page that says so, and keeps a report that could not be
   sent. `settings` stand before this script. */
"use strict";

importScripts(settings.store);

self.addEventListener("install", (event) => event.waitUntil(store().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(discardOld().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  const { request } = event, { origin, pathname } = new URL(request.url);
  if (origin !== location.origin || settings.leftAlone.some((prefix) => pathname.startsWith(prefix))) return;
  if (request.mode !== "navigate") {
    if (settings.files.includes(pathname)) event.respondWith(fetch(request).catch(() => caches.match(pathname)));
  } else if (pathname === settings.send) {
    event.respondWith(request.method === "POST" ? keepAndSend(request) : sendKept());
  } else if (request.method === "POST") {
    if (pathname === settings.report) event.respondWith(sendOrKeep(request));
  } else {
    event.respondWith(fetch(request).catch(() => inPlaceOf(pathname)));
  }
});

async function store() {
  const cache = await caches.open(settings.version);
  await cache.addAll(settings.files.map((address) => new Request(address, { cache: "reload" })));
}

async function discardOld() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== settings.version).map((name) => caches.delete(name)));
}

async function inPlaceOf(pathname) {
  if (pathname !== settings.report) return caches.match(settings.pages.offline);
  const form = await caches.match(settings.pages["offline-form"]);
  const text = (await form.text()).replaceAll(settings.placeholder, crypto.randomUUID());
  const names = ["Content-Type", "Content-Security-Policy"];
  return new Response(text, { headers: names.map((name) => [name, form.headers.get(name)]) });
}

// --- Reports that could not be sent -----------------------------------------------------------------

async function sendOrKeep(request) {
  const copy = request.clone();
  let answer;
  try {
    answer = await fetch(request);
  } catch {
    await keep(await copy.formData());
    return caches.match(settings.pages.kept);
  }
  // A kept report that was refused is sent so, after its sender has mended it.
  if (isAccepted(answer)) await copy.formData().then((form) => forget(form.get("client_id"))).catch(() => {});
  return answer;
}

function isAccepted(answer) {
  return answer.type === "opaqueredirect"; // to the thanks
}

function forget(id) {
  return inStore("readwrite", (kept) => kept.delete(id ?? ""));
}

async function keepAndSend(request) {
  await keep(await request.formData());
  return sendKept();
}

function keep(form) {
  const entries = [...form.entries()].filter(([name]) => name !== "csrfmiddlewaretoken");
  return inStore("readwrite", (kept) => kept.put({ id: form.get("client_id"), entries }));
}

/* Send the first kept report, and answer with what the server says. It is kept until it is accepted
   or thrown away; where it was refused, others go first, and the form that comes back has its words. */
async function sendKept() {
  const every = await inStore("readonly", (kept) => kept.getAll());
  const first = every.find(({ isRefused }) => !isRefused) ?? every[0];
  if (!first) return Response.redirect(new URL(settings.report, location), 303);
  try {
    const answer = await post(first.entries);
    if (isAccepted(answer)) await forget(first.id);
    else if ([400, 409, 413].includes(answer.status))
      await inStore("readwrite", (kept) => kept.put({ ...first, isRefused: true }));
    return answer;
  } catch {
    return caches.match(settings.pages.kept);
  }
}

async function post(entries) {
  const headers = { Accept: "text/html" };
  const form = await fetch(settings.report, { cache: "no-store", headers });
  const [, token] = /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(await form.text()) ?? [];
  const body = new FormData();
  body.append("csrfmiddlewaretoken", token ?? "");
  for (const [name, value] of entries) body.append(name, value);
  return fetch(settings.report, { method: "POST", body, headers, redirect: "manual" });
}
