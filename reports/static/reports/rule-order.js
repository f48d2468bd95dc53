// Order the rules of routing: drag them, or move them by their buttons, and then save.
// The form sends the rules as they stand, so nothing here has to be sent apart. Without this script
// each button saves at once.
(() => {
  const form = document.getElementById("rule-order");
  if (!form) return;
  const list = form.querySelector("ol");
  const status = form.querySelector("[role=status]");
  let dragged = null;

  function say(item) {
    const items = [...list.children];
    const values = { name: item.dataset.name, place: items.indexOf(item) + 1, count: items.length };
    status.textContent = status.dataset.moved.replace(/{(\w+)}/g, (_, name) => values[name]);
    form.classList.add("changed");
  }

  list.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=move]");
    if (!button) return;
    event.preventDefault();
    const item = button.closest("li");
    if (button.value.startsWith("up:")) item.previousElementSibling?.before(item);
    else item.nextElementSibling?.after(item);
    button.focus();
    say(item);
  });

  for (const item of list.children) item.draggable = true;

  list.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("li");
    dragged.classList.add("dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.name);
  });

  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("li");
    if (!dragged || !over) return;
    event.preventDefault();
    const { top, height } = over.getBoundingClientRect();
    if (over === dragged) return;
    if (event.clientY < top + height / 2) over.before(dragged);
    else over.after(dragged);
  });

  list.addEventListener("drop", (event) => event.preventDefault());

  list.addEventListener("dragend", () => {
    dragged.classList.remove("dragged");
    say(dragged);
    dragged = null;
  });
})();
