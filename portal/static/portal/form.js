/* What makes forms easier: focus on what is wrong, one sending, the device's place, questions of a
   category as it is chosen, copying a link. Without it the forms work too. */
"use strict";

(() => {
  const one = (selector) => document.querySelector(selector);

  function sendOnce(form) {
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      // Later, since a disabled button sends no value.
      setTimeout(() => document.querySelectorAll("button").forEach((button) => {
        if (button.form === form && button.type === "submit") button.disabled = true;
      }));
    });
  }

  /* Say before the sending, which can take minutes, that photos are too large together. */
  function checkPhotos() {
    const field = one("[data-most]");
    if (!field) return;
    const bytes = () => [...field.files].reduce((sum, file) => sum + file.size, 0);
    field.addEventListener("change", () => field.setCustomValidity(""));
    field.form.addEventListener("submit", (event) => {
      if (bytes() <= Number(field.dataset.most)) return;
      event.preventDefault();
      field.setCustomValidity(field.dataset.tooLarge);
      field.reportValidity();
    });
  }

  function useLocation() {
    const button = one("[data-locate]"), said = one("[data-located]");
    if (!button || !("geolocation" in navigator)) return;
    one("[data-locate-line]").hidden = false;
    button.addEventListener("click", () => navigator.geolocation.getCurrentPosition(({ coords }) => {
      for (const name of ["latitude", "longitude"]) {
        const field = document.getElementById(name);
        field.value = coords[name].toFixed(6);
        field.dispatchEvent(new Event("change"));
      }
      said.textContent = said.dataset.done;
    }, () => { said.textContent = said.dataset.failed; }, { enableHighAccuracy: true, timeout: 15000 }));
  }

  function askQuestions() {
    const choice = one("[data-questions]"), box = document.getElementById("questions");
    if (!choice) return;
    const ask = async () => {
      const chosen = choice.value;
      const answer = await fetch(`${choice.dataset.questions}?category=${encodeURIComponent(chosen)}`).catch(() => null);
      if (!answer?.ok || choice.value !== chosen) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      box.replaceChildren(...page.body.childNodes);
    };
    choice.addEventListener("change", ask);
    // A category that the browser kept, as somebody came back, comes without its questions.
    addEventListener("pageshow", () => { if (choice.value && !box.childElementCount) ask(); });
  }

  /* Keep the id of a form to which somebody comes back, so that the report is stored once however
     often it is sent. Once it has arrived, the form gets an id of its own. */
  function keepId() {
    const field = one("[name=client_id]");
    if (one("[data-arrived]")) sessionStorage.setItem("arrived", sessionStorage.getItem("sent"));
    if (!field) return;
    const kept = history.state?.clientId;
    if (kept && kept !== sessionStorage.getItem("arrived")) field.value = kept;
    history.replaceState({ clientId: field.value }, "");
    field.form.addEventListener("submit", () => sessionStorage.setItem("sent", field.value));
  }

  /* With a map nobody needs to type coordinates; what is wrong with them stays in sight. */
  function foldCoordinates() {
    const box = one("[data-coordinates]");
    if (box && window.L && !("keep" in box.dataset)) box.open = false;
    for (const link of document.querySelectorAll(".faults a"))
      link.addEventListener("click", () => { document.querySelector(link.hash)?.closest("details")?.setAttribute("open", ""); });
  }

  function copy(button) {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
      button.textContent = button.dataset.copied;
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    one("[data-focus]")?.focus();
    checkPhotos();
    document.querySelectorAll("form[data-once]").forEach(sendOnce);
    document.querySelectorAll("[data-copy]").forEach(copy);
    useLocation();
    askQuestions();
    foldCoordinates();
    keepId();
  });
  // A page that comes back from the browser's memory can be sent again.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) document.querySelectorAll("button[disabled]").forEach((button) => { button.disabled = false; });
  });
})();
