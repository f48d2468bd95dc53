/* Starts the service worker, and says on every page that a report waits to be sent. */
"use strict";

(() => {
  const TRY_EVERY_MS = 5000;
  const said = document.querySelector("[data-kept]");
  if (!("serviceWorker" in navigator) || !said) return;
  navigator.serviceWorker.register(said.dataset.worker).catch(() => {});

  /* Whether the server answers: "online" says only that there is a network. */
  const isReachable = (address) =>
    fetch(address, { method: "HEAD", cache: "no-store" }).then(({ ok }) => ok, () => false);

  function sendWhenReachable({ keptPage, probe }) {
    const tryIt = async () => {
      if (navigator.onLine && await isReachable(probe)) location.assign(keptPage);
    };
    addEventListener("online", tryIt);
    setInterval(tryIt, TRY_EVERY_MS);
  }

  const page = document.querySelector("[data-kept-page]");
  inStore("readonly", (kept) => kept.count()).then((count) => {
    if (page && count) sendWhenReachable(page.dataset);
    else said.hidden = !count;
  }).catch(() => {});
  for (const button of document.querySelectorAll("[data-discard]"))
    button.addEventListener("click", async () => {
      await inStore("readwrite", (kept) => kept.clear());
      location.assign(button.dataset.discard);
    });
})();
