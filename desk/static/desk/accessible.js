/* Gives names to what Django's scripts and tables leave without one. */
"use strict";

(() => {
  const text = (element) => (element ? element.textContent.replace(/\s+/g, " ").trim() : "");

  /* The label of a field, or in a table the heading of its column. */
  const nameOf = (field) => {
    const label = field.id && document.querySelector(`label[for="${CSS.escape(field.id)}"]`);
    const cell = field.closest("td");
    const row = cell && cell.closest("table")?.tHead?.rows[0];
    return text(label) || text(row && row.cells[cell.cellIndex]);
  };

  const nameFields = (root) => {
    for (const field of root.querySelectorAll("table :is(input, select, textarea):not([type=hidden])")) {
      if (!field.labels.length && !field.ariaLabel && nameOf(field)) field.ariaLabel = nameOf(field);
    }
  };

  /* Boxes of select2 name themselves by what is chosen, which at first is nothing. */
  const nameBoxes = (root) => {
    for (const field of root.querySelectorAll("select.select2-hidden-accessible")) {
      const name = nameOf(field);
      for (const box of field.nextElementSibling.querySelectorAll("[role=combobox], [role=textbox], [role=searchbox]")) {
        box.removeAttribute("aria-labelledby");
        box.ariaLabel = name.replace(/:$/, "");
      }
    }
  };

  const mendRoles = (root) => {
    for (const icon of root.querySelectorAll(".search-label-icon[aria-label]")) icon.setAttribute("role", "img");
    for (const heading of root.querySelectorAll("thead th")) {
      if (!text(heading) && !heading.querySelector("[alt], [aria-label], input")) heading.setAttribute("role", "presentation");
    }
    for (const part of root.querySelectorAll(".inline-group .tabular, .scroll, .scrolls")) part.tabIndex = 0;
  };

  /* A table that is too wide for a phone scrolls by itself; those of lists and inlines do already. */
  const letScroll = (root) => {
    for (const table of root.querySelectorAll("#content table:not(.as-cards)")) {
      if (table.closest(".results, .tabular, .scroll, .scrolls, .leaflet-container, table table")) continue;
      const frame = document.createElement("div");
      frame.className = "scrolls";
      frame.tabIndex = 0;
      table.replaceWith(frame);
      frame.append(table);
    }
  };

  const mend = (root) => {
    letScroll(root);
    mendRoles(root);
    nameFields(root);
    nameBoxes(root);
  };

  /* After Django's scripts, some of which begin when jQuery is ready, some when all is loaded. */
  window.addEventListener("load", () => mend(document));
  if (window.django?.jQuery) window.django.jQuery(() => mend(document));
  document.addEventListener("formset:added", (event) => setTimeout(() => mend(event.target)));
})();
