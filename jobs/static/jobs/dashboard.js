// Asks for new figures every few seconds and replaces only the parts that changed, so nothing flickers.
(() => {
  const root = document.getElementById("dashboard");
  const status = document.getElementById("dashboard-status");
  const seconds = Number(root.dataset.refresh);

  function address() {
    const url = new URL(window.location.href);
    url.searchParams.set("figures", "");
    return url;
  }

  function replaceChanged(page) {
    for (const fresh of page.querySelectorAll("[data-part]")) {
      const shown = root.querySelector(`[data-part="${fresh.dataset.part}"]`);
      if (!shown || shown.innerHTML === fresh.innerHTML || shown.querySelector(":active")) continue;
      const focused = shown.contains(document.activeElement) ? document.activeElement : null;
      shown.replaceChildren(...fresh.childNodes);
      if (focused && focused.name) {
        shown.querySelector(`[name="${focused.name}"][value="${focused.value}"]`)?.focus();
      }
    }
  }

  async function refresh() {
    if (document.hidden) return;
    try {
      // A page left open must not keep its session alive.
      const headers = { "X-Unattended": "1" };
      const answer = await fetch(address(), { headers, credentials: "same-origin", redirect: "error" });
      if (!answer.ok) throw new Error(answer.status);
      replaceChanged(new DOMParser().parseFromString(await answer.text(), "text/html"));
      status.textContent = status.dataset.live;
      status.className = "live";
    } catch {
      status.textContent = status.dataset.stale;
      status.className = "stale";
    }
  }

  async function keepFresh() {
    await refresh();
    window.setTimeout(keepFresh, seconds * 1000);
  }

  window.setTimeout(keepFresh, seconds * 1000);
  document.addEventListener("visibilitychange", refresh);
})();
