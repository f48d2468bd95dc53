// Load everything that happened to a report into its page; without this script a link leads there.
document.addEventListener("DOMContentLoaded", async () => {
  const section = document.querySelector("[data-load]");
  if (!section) return;
  const answer = await fetch(section.dataset.load, { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok || answer.redirected) return;
  const loaded = new DOMParser().parseFromString(await answer.text(), "text/html");
  section.replaceChildren(...loaded.querySelector("#timeline").children);
});
