"use strict";
// The search box in the header: answers while one types, reached by the arrow keys.

const WAIT_MILLISECONDS = 250;
/** Where it is kept that somebody wants no keys of single characters, here and in triage. */
const KEYS = "desk-triage-keys";
const box = document.getElementById("desk-search");

if (box) {
  const input = box.querySelector("input");
  const panel = document.getElementById("desk-search-answers");
  const status = document.getElementById("desk-search-status");
  let timer = 0;
  let latest = 0;

  const hide = () => { panel.hidden = true; };

  const ask = async () => {
    const words = input.value.trim();
    if (words.length < 2) return hide();
    const number = ++latest;
    const answer = await fetch(`${box.dataset.answers}?q=${encodeURIComponent(words)}`);
    if (number !== latest || !answer.ok || answer.redirected) return;
    panel.innerHTML = await answer.text();
    panel.hidden = false;
    status.textContent = panel.querySelector("[data-count]")?.dataset.count ?? "";
  };

  /** Move from the input through the answers and back. */
  const move = (step) => {
    const stops = [input, ...panel.querySelectorAll("a")];
    const next = stops.indexOf(document.activeElement) + step;
    stops[Math.max(0, Math.min(next, stops.length - 1))].focus();
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => ask().catch(hide), WAIT_MILLISECONDS);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      hide();
      input.focus();
    } else if (!panel.hidden && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    }
  });
  document.addEventListener("click", (event) => { if (!box.contains(event.target)) hide(); });
  box.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !box.contains(event.relatedTarget)) hide();
  });
  document.addEventListener("keydown", (event) => {
    if (localStorage.getItem(KEYS) === "off") return;
    const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
}

const keysButton = document.getElementById("keys-button");

if (keysButton) {
  const show = () => {
    keysButton.setAttribute("aria-pressed", String(localStorage.getItem(KEYS) !== "off"));
  };
  keysButton.addEventListener("click", () => {
    localStorage.setItem(KEYS, localStorage.getItem(KEYS) === "off" ? "on" : "off");
    show();
  });
  show();
}
