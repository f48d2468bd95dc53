/* Forms that save a view take the address as it is when they are sent: the map changes its own. */
"use strict";

document.addEventListener("submit", ({ target }) => {
  if (!target.matches("[data-present-query]")) return;
  target.elements.query.value = location.search.slice(1);
});
