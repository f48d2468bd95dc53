/* Triage: shows one report after the other, sends what is done with it, and never waits for the
   answer. An action that is refused brings its report back, with all that was typed. */
"use strict";

(() => {
  const root = document.getElementById("triage");
  const texts = document.getElementById("triage-texts").dataset;
  const holder = document.getElementById("triage-card");
  const ending = document.getElementById("triage-end");
  const status = document.getElementById("triage-status");
  const refusal = document.getElementById("triage-refused");
  const undoButton = document.getElementById("triage-undo");
  const keysButton = document.getElementById("triage-keys");
  const STAYS = ["note", "reply", "separate"]; // actions after which the report is shown on
  const TIMEOUT_MILLISECONDS = 20000, AHEAD = 2, REFILL_BELOW = 10;

  const line = JSON.parse(document.getElementById("triage-line").textContent);
  const cards = new Map(); // the id of a report: the promise of its card, null where it is gone
  const decided = new Set();
  let place = 0;
  let stored = Promise.resolve(); // ends when all that was sent is stored or refused
  let sending = 0;
  const refusals = []; // what was refused and waits for an answer, with why; the first is shown
  let isChoosing = false; // after D, while several duplicates are shown
  let areKeysOn = localStorage.getItem("desk-triage-keys") !== "off";

  const say = (name, values = {}) =>
    texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
  const shown = () => holder.querySelector(".triage-card");
  const openDialog = () => document.querySelector("dialog[open]");
  const announce = (text) => { status.textContent = text; };

  // --- Requests ---------------------------------------------------------------------------------

  class Refused extends Error {
    constructor(kind, message) {
      super(message);
      this.kind = kind;
    }
  }

  function csrfToken() {
    const cookies = document.cookie.split("; ").map((one) => one.split("="));
    const cookie = cookies.find(([name]) => name === root.dataset.cookie);
    return cookie ? cookie[1] : root.querySelector("[name=csrfmiddlewaretoken]").value;
  }

  async function ask(path, options = {}) {
    let answer;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
      answer = await fetch(root.dataset.base + path, { redirect: "manual", signal, ...options });
    } catch {
      throw new Refused("network", "");
    }
    if (answer.type === "opaqueredirect" || answer.status === 401) throw new Refused("session", "");
    if (answer.ok) return answer;
    if (answer.status >= 500) throw new Refused("network", "");
    const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    if (!isJson && answer.status === 403) throw new Refused("session", "");
    const { message } = isJson ? await answer.json() : { message: await answer.text() };
    throw new Refused({ 404: "gone", 412: "changed" }[answer.status] || "refused", message);
  }

  const post = (path, entries, headers = {}) =>
    ask(path, {
      method: "POST",
      body: new URLSearchParams(entries),
      headers: { "X-CSRFToken": csrfToken(), ...headers },
    });

  function newKey() {
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  // --- Cards and the line ---------------------------------------------------------------------

  function cardOf(id) {
    if (!cards.has(id)) {
      const card = load(id);
      cards.set(id, card);
      card.catch(() => cards.delete(id));
    }
    return cards.get(id);
  }

  async function load(id) {
    try {
      const answer = await ask(`${id}/card/`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      return document.adoptNode(page.querySelector(".triage-card"));
    } catch (error) {
      if (error.kind === "gone") return null;
      throw error;
    }
  }

  async function show(id, { isFresh = false } = {}) {
    place = line.indexOf(id);
    if (isFresh) cards.delete(id);
    let card;
    try {
      card = await cardOf(id);
    } catch (error) {
      explain({ id, title: "", retry: () => show(id) }, error);
      return;
    }
    if (line[place] !== id) return; // another one was asked for meanwhile
    if (card === null) {
      announce(say("gone"));
      decided.add(id);
      go(1);
      return;
    }
    put(card);
    document.getElementById("triage-now").textContent = say("shown", { title: card.dataset.title });
  }

  function put(card) {
    leave();
    holder.inert = false;
    holder.replaceChildren(...(card ? [card] : []));
    ending.hidden = Boolean(card);
    isChoosing = false;
    if (card) enter(card);
    else document.getElementById("triage-place").textContent = "";
  }

  function enter(card) {
    if (holder.getAttribute("aria-busy")) holder.removeAttribute("aria-busy");
    else holder.focus({ preventScroll: true });
    window.scrollTo({ top: 0 });
    const values = { number: place + 1, count: line.length };
    document.getElementById("triage-place").textContent = say("place", values);
    for (const map of card.querySelectorAll("[data-map]")) window.deskMap?.start(map);
    look();
    ahead();
  }

  function leave() {
    const card = shown();
    if (!card) return;
    for (const map of card.querySelectorAll("[data-map]")) window.deskMap?.stop(map);
  }

  function ahead() {
    const next = line.slice(place + 1).filter((id) => !decided.has(id));
    for (const id of next.slice(0, AHEAD)) cardOf(id).catch(() => {});
    if (next.length < REFILL_BELOW) refill();
  }

  async function refill() {
    if (root.dataset.refilling) return;
    root.dataset.refilling = "yes";
    try {
      const answer = await ask(`line/${root.dataset.query ? `?${root.dataset.query}` : ""}`);
      const known = new Set(line);
      line.push(...(await answer.json()).line.filter((id) => !known.has(id)));
    } catch {
      // the next look at the line tries again
    } finally {
      delete root.dataset.refilling;
    }
  }

  function go(step) {
    let next = place + step;
    while (next >= 0 && next < line.length && decided.has(line[next])) next += step;
    if (next >= 0 && next < line.length) return show(line[next]);
    if (step < 0) return undefined;
    return atTheEnd();
  }

  async function atTheEnd() {
    const length = line.length;
    if (holder.inert) {
      place = length;
      put(null);
    }
    await refill();
    const next = line.findIndex((id, index) => index >= length && !decided.has(id));
    if (next >= 0) return show(line[next]);
    const skipped = line.findIndex((id) => !decided.has(id));
    if (skipped >= 0 && skipped !== place) return show(line[skipped]);
    if (!shown()) put(null);
    return undefined;
  }

  // --- Who looks at it ------------------------------------------------------------------------

  async function look() {
    const card = shown();
    if (!card || document.hidden) return;
    try {
      const answer = await (await post(`${card.dataset.id}/look/`, {})).json();
      const note = card.querySelector("[data-looked]");
      note.hidden = !answer.other;
      note.textContent = answer.other ? say("looked", { name: answer.other }) : "";
      const isStale = String(answer.version) !== card.dataset.version;
      if (!isStale || card !== shown() || sending) return;
      announce(say("changed"));
      if (!openDialog() && !isTyped(card)) show(card.dataset.id, { isFresh: true });
    } catch (error) {
      if (error.kind !== "gone" || card !== shown() || sending) return;
      announce(say("gone"));
      decided.add(card.dataset.id);
      go(1);
    }
  }

  const isTyped = (card) =>
    [...card.querySelectorAll("textarea")].some((field) => field.value) ||
    Boolean(document.activeElement?.closest("textarea, input, select"));

  // --- Actions --------------------------------------------------------------------------------

  function act(name, entries, { label, dialog = null, card = shown() }) {
    const { id, title, version } = card.dataset;
    const action = { key: newKey(), name, entries, id, title, version, label, dialog };
    close();
    if (STAYS.includes(name)) announce(say("sending", { label }));
    else goOn(id);
    send(action);
    nextRefusal();
  }

  /* Go to the next report; until it is shown, the one that is decided takes no further action. */
  function goOn(id) {
    decided.add(id);
    holder.inert = true;
    go(1);
  }

  function send(action) {
    sending += 1;
    stored = stored.then(() => deliver(action)).finally(() => { sending -= 1; });
  }

  async function deliver(action) {
    const headers = { "Idempotency-Key": action.key, "If-Match": `"${action.version}"` };
    try {
      const answer = await post(`${action.id}/${action.name}/`, action.entries, headers);
      const done = await answer.json();
      if (done.can_be_undone) offerUndo(done);
      cards.delete(action.id);
      announce(say("done", { label: done.label, title: action.title }));
      if (!done.is_decided && shown()?.dataset.id === action.id)
        await show(action.id, { isFresh: true });
    } catch (error) {
      await comeBack(action, error);
    }
  }

  async function comeBack(action, error) {
    decided.delete(action.id);
    if (!line.includes(action.id)) line.splice(place, 0, action.id);
    const dialog = openDialog();
    if (dialog) await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
    await explain(action, error);
    announce("");
  }

  /* Say why something was refused, once what was refused before it has been answered. */
  async function explain(action, error) {
    // Actions come first; of what could merely not be shown, the last is enough.
    const actions = refusals.filter((one) => one.action.name);
    const others = action.name ? refusals.slice(actions.length) : [];
    const added = { action, error };
    refusals.splice(actions.length, Infinity, added, ...others);
    if (refusals[0] === added) await explainFirst();
  }

  async function explainFirst() {
    const [{ action, error }] = refusals;
    refusal.hidden = true;
    // Also where it is still shown: the next one may be on its way.
    if (action.name && error.kind !== "gone") await show(action.id);
    if (refusals[0]?.action !== action) return;
    const values = { title: action.title ?? "", reason: error.message };
    const kind = isLost(error) ? error.kind : action.isUndo ? "notUndone" : "refused";
    refusal.querySelector("p").textContent = say(kind, values);
    const offered = {
      again: isLost(error),
      login: error.kind === "session",
      fresh: ["changed", "refused"].includes(error.kind) && !action.isUndo,
      close: true,
    };
    for (const button of refusal.querySelectorAll("[data-refused]"))
      button.hidden = !offered[button.dataset.refused];
    refusal.hidden = false;
    if (action.dialog) fill(action.dialog, action.entries);
  }

  const isLost = (error) => ["network", "session"].includes(error.kind);

  function answerRefusal(choice) {
    if (choice === "login") return;
    const isAgain = choice === "again"; // what did not arrive is sent again together
    const answered = refusals.filter(({ error }, index) => (isAgain ? isLost(error) : index === 0));
    for (const one of answered) refusals.splice(refusals.indexOf(one), 1);
    refusal.hidden = true;
    if (choice === "fresh") show(answered[0].action.id, { isFresh: true });
    if (isAgain) {
      const actions = answered.map(({ action }) => action);
      const deciding = actions.filter(({ name }) => name && !STAYS.includes(name));
      for (const { id } of deciding) decided.add(id); // none of them is the next to be shown
      actions.forEach(repeat);
      nextRefusal();
    }
  }

  /* Explain the next refusal, once the report of the last one was acted on or left. */
  function nextRefusal() {
    if (refusals.length && refusal.hidden) explainFirst();
  }

  function repeat(action) {
    if (action.retry) {
      action.retry();
      return;
    }
    if (decided.has(action.id) && shown()?.dataset.id === action.id) goOn(action.id);
    action.dialog?.querySelector("form").reset();
    send(action);
  }

  function offerUndo(done) {
    undoButton.disabled = !done;
    undoButton.dataset.action = done ? done.action : "";
    document.getElementById("triage-last").textContent = done ? `: ${done.label}` : "";
  }

  async function undo() {
    if (sending) announce(say("wait"));
    await stored;
    if (undoButton.disabled) return;
    try {
      const answer = await post("undo/", { action: undoButton.dataset.action });
      const { report, label, last } = await answer.json();
      offerUndo(last);
      decided.delete(report);
      if (!line.includes(report)) line.splice(Math.min(place, line.length), 0, report);
      await show(report, { isFresh: true });
      announce(say("undone", { label }));
    } catch (error) {
      if (error.kind === "refused") offerUndo(null);
      explain({ retry: undo, isUndo: true }, error);
    }
  }

  // --- Dialogs and forms ----------------------------------------------------------------------

  function open(name) {
    const card = shown();
    const dialog =
      document.getElementById(name) || card?.querySelector(`[data-dialog="${name}"]`);
    if (!dialog || (!card && name !== "triage-help")) return;
    for (const audience of dialog.querySelectorAll("[data-audience]")) audience.textContent = card.dataset.audience;
    // A report is not handed over to those who have it.
    for (const option of dialog.querySelectorAll("[name=department] option"))
      option.disabled = Boolean(option.value) && option.value === card.dataset.department;
    const templates = dialog.querySelector("[data-templates]");
    if (templates) loadTemplates(templates, card.dataset.id);
    dialog.showModal();
    dialog.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  }

  const close = () => openDialog()?.close();

  async function loadTemplates(select, id) {
    select.replaceChildren(select.options[0]);
    try {
      const { templates } = await (await ask(`${id}/replies/`)).json();
      select.append(...templates.map((one) => new Option(one.name, one.text)));
    } catch {
      // a reply is written without them
    }
  }

  function fill(dialog, entries) {
    const form = dialog.querySelector("form");
    for (const [name, value] of entries) {
      const field = form.elements[name];
      if (!field) continue;
      if (field.type === "checkbox") field.checked = true;
      else field.value = value;
    }
  }

  function submit(form, submitter) {
    const entries = [...new FormData(form, submitter)];
    const publishes = shown().querySelector(".triage-choices [name=is_publishing]")?.checked;
    if (["accept", "assign"].includes(form.dataset.act) && publishes)
      entries.push(["is_publishing", "on"]);
    const dialog = form.closest("dialog");
    const label = (submitter || form.querySelector("[type=submit]")).firstChild.textContent.trim();
    act(form.dataset.act, entries, { label, dialog });
    if (dialog && !dialog.closest(".triage-card")) {
      form.reset();
      narrow(dialog.querySelector("[data-narrow]"));
    }
  }

  function narrow(input) {
    if (!input) return;
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const option of input.closest("form").querySelectorAll("[data-words]"))
      option.hidden = !words.every((word) => option.dataset.words.includes(word));
    const first = input.closest("form").querySelector("[data-words]:not([hidden]) input");
    if (first && words.length) first.checked = true;
  }

  function press(button) {
    const { do: name, category, other, open: dialog, go: step } = button.dataset;
    if (dialog) open(dialog);
    else if (step) {
      go(Number(step));
      nextRefusal();
    }
    else if (name === "accept") {
      const publishes = shown().querySelector(".triage-choices [name=is_publishing]")?.checked;
      const entries = [["category", category], ...(publishes ? [["is_publishing", "on"]] : [])];
      act("accept", entries, { label: say("accepting", { name: button.dataset.name }) });
    } else if (name) act(name, [["other", other]], { label: button.lastChild.textContent.trim() });
  }

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button, [data-refused]");
    if (!button) return;
    if (button === undoButton) undo();
    else if (button === keysButton) turnKeys(!areKeysOn);
    else if (button.id === "triage-look-again") atTheEnd();
    else if ("close" in button.dataset) close();
    else if (button.dataset.refused) answerRefusal(button.dataset.refused);
    else press(button);
  });
  root.addEventListener("submit", (event) => {
    if (!event.target.dataset.act) return;
    event.preventDefault();
    submit(event.target, event.submitter);
  });
  root.addEventListener("input", (event) => {
    if (event.target.matches("[data-narrow]")) narrow(event.target);
  });
  root.addEventListener("change", (event) => {
    if (event.target.matches("[data-templates]") && event.target.value)
      event.target.form.elements.text.value = event.target.value;
  });

  // --- Keys -----------------------------------------------------------------------------------

  // The arrow that points on goes on, in whichever way the page is read.
  const ARROWS = document.dir === "rtl"
    ? { ArrowLeft: "j", ArrowRight: "k" } : { ArrowRight: "j", ArrowLeft: "k" };

  function turnKeys(isOn) {
    areKeysOn = isOn;
    localStorage.setItem("desk-triage-keys", isOn ? "on" : "off");
    showKeys();
    announce(say(isOn ? "keysOn" : "keysOff"));
  }

  function showKeys() {
    keysButton.setAttribute("aria-pressed", String(areKeysOn));
    root.classList.toggle("without-keys", !areKeysOn);
  }

  document.addEventListener("keydown", (event) => {
    const isElsewhere = event.target.closest("input, textarea, select, .leaflet-container, [contenteditable]");
    const isCheckbox = event.target.matches?.("input[type=checkbox], input[type=radio]");
    if (holder.inert || !areKeysOn || event.ctrlKey || event.metaKey || event.altKey || openDialog()) return;
    if ((isElsewhere && !isCheckbox) || event.defaultPrevented || event.isComposing) return;
    const key = ARROWS[event.key] || event.key.toLowerCase();
    if (event.repeat && !["j", "k"].includes(key)) return;
    if (pressKey(key)) event.preventDefault();
  });

  function pressKey(key) {
    const card = shown();
    const merges = card ? [...card.querySelectorAll("[data-merge]")] : [];
    if (isChoosing) {
      isChoosing = false;
      const chosen = key === "d" ? "1" : key;
      const button = merges.find((one) => one.dataset.merge === chosen);
      announce("");
      if (button) press(button);
      return true;
    }
    if (key === "d" && merges.length > 1) {
      isChoosing = true;
      announce(say("choose"));
      return true;
    }
    const selector = `[data-key="${CSS.escape(key)}"]`;
    const button = card?.querySelector(selector) || root.querySelector(selector);
    if (!button || button.disabled) return false;
    button.click();
    return true;
  }

  // --- Beginning ------------------------------------------------------------------------------

  window.addEventListener("beforeunload", (event) => {
    if (sending || refusals.some(({ action }) => action.name)) event.preventDefault();
  });
  document.addEventListener("visibilitychange", look);
  setInterval(look, Number(root.dataset.renew) * 1000);
  showKeys();
  if (line.length) show(line[0]);
})();
