"use strict";
// The frame of the desk: its menu and its filters on a phone, and the labels of cards.

const narrow = window.matchMedia("(max-width: 1023px)");

/** Make a button open and close what it controls; Escape closes it and returns to the button. */
function connect(button, panel) {
  const show = (isOpen) => {
    button.setAttribute("aria-expanded", String(isOpen));
    panel.classList.toggle("is-open", isOpen);
  };
  button.addEventListener("click", () => show(button.getAttribute("aria-expanded") !== "true"));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && button.getAttribute("aria-expanded") === "true") {
      show(false);
      button.focus();
    }
  });
  return show;
}

function connectMenu() {
  const button = document.getElementById("menu-button");
  const panel = document.getElementById("desk-nav");
  if (!button || !panel) return;
  const show = connect(button, panel);
  narrow.addEventListener("change", () => show(false));
  document.addEventListener("click", (event) => {
    if (!panel.contains(event.target) && !button.contains(event.target)) show(false);
  });
}

function connectFilters() {
  const button = document.getElementById("filters-button");
  const panel = document.getElementById("changelist-filter");
  if (!button || !panel) return;
  button.hidden = false;
  panel.classList.add("can-close");
  connect(button, panel);
}

/** Give each cell of a list the heading of its column, which a card shows in front of it. */
function labelCells() {
  for (const table of document.querySelectorAll("#result_list, table.as-cards")) {
    const headings = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
    for (const row of table.tBodies[0]?.rows ?? []) {
      [...row.cells].forEach((cell, number) => {
        if (headings[number]) cell.dataset.label = headings[number];
      });
    }
  }
}

/** Close an open menu when something else is clicked or Escape is pressed. */
function connectDetails() {
  for (const menu of document.querySelectorAll("details.desk-menu")) {
    document.addEventListener("click", (event) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  }
}

/** Let a wide table be scrolled by keyboard. */
function reachScrolling() {
  for (const box of document.querySelectorAll("#changelist .results, .scrolls, .trial table, .bulk-step table")) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
  }
}

connectMenu();
connectFilters();
connectDetails();
labelCells();
reachScrolling();
