/* The page of the map: it follows its form of filters, keeps the view in the address, and stays up to
   date by itself. */
"use strict";

(() => {
  const desk = window.deskMap;
  const { say, number, element } = desk;
  const find = (name) => document.querySelector(`[data-map-${name}]`);

  class Page {
    constructor(box) {
      this.box = box;
      this.form = document.getElementById(box.dataset.filters);
      this.map = desk.newMap(box);
      this.markers = new desk.Markers(this.map);
      this.setFirstView();
      find("filter-box").open = !matchMedia("(max-width: 1023px)").matches;
      desk.drawBackground(this.map);
      this.map.on("zoomend", () => { this.etag = null; });
      this.map.on("moveend", () => { this.keepAddress(); this.load(); });
      this.form.addEventListener("change", () => this.choose());
      this.form.addEventListener("submit", (event) => { event.preventDefault(); this.choose(); });
      document.querySelectorAll("[data-keep-view]").forEach((link) =>
        link.addEventListener("click", () => { link.href = this.withView(link.getAttribute("href")); }));
      document.querySelectorAll("[data-layer]").forEach((box) =>
        box.addEventListener("change", () => this.switchLayer(box)));
      this.timer = setInterval(() => document.hidden || this.load(), box.dataset.refresh * 1000);
      this.load();
    }

    /* A layer is loaded when it is switched on first. */
    async switchLayer(box) {
      if (box.dataset.layer === "city") {
        for (const name of ["city", "streets"]) this.map.getPane(name).hidden = !box.checked;
        return;
      }
      this.layers ??= new Map();
      if (!this.layers.has(box)) {
        try {
          const { content } = await desk.load(box.dataset.address);
          this.layers.set(box, desk.drawLayer(box.dataset.layer, content));
        } catch (error) {
          find("summary").textContent = say("failed", { reason: error.message });
          box.checked = false;
          return;
        }
      }
      const layer = this.layers.get(box);
      if (box.checked) layer.addTo(this.map);
      else layer.remove();
    }

    setFirstView() {
      const [zoom, latitude, longitude] = (new URLSearchParams(location.search).get("at") ?? "").split("/").map(Number);
      if ([zoom, latitude, longitude].every(Number.isFinite) && Math.abs(latitude) <= 90) {
        this.map.setView([latitude, longitude], zoom);
        return;
      }
      const bounds = this.box.dataset.bounds ? JSON.parse(this.box.dataset.bounds) : [-180, -60, 180, 75];
      const [west, south, east, north] = bounds;
      this.map.fitBounds([[south, west], [north, east]], { animate: false });
    }

    filters() {
      const chosen = [...new FormData(this.form)].filter(([, value]) => value.trim());
      return new URLSearchParams(chosen);
    }

    view() {
      const { lat, lng } = this.map.getCenter().wrap();
      return `${this.map.getZoom()}/${lat.toFixed(5)}/${lng.toFixed(5)}`;
    }

    withView(query) {
      const search = new URLSearchParams(query);
      search.set("at", this.view());
      return `?${search}`;
    }

    keepAddress() {
      history.replaceState(null, "", this.withView(this.filters().size ? this.filters() : "state="));
      const list = find("to-list");
      if (list) list.href = `${this.box.dataset.list}?${this.filters()}`;
      document.querySelectorAll("[data-keep-view]").forEach((link) => {
        const same = new URLSearchParams(link.getAttribute("href"));
        same.delete("at");
        if (same.toString() === this.filters().toString()) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      });
    }

    choose() {
      this.etag = null;
      this.keepAddress();
      this.load();
    }

    /* Slightly more than the view, so that a small move shows no gap. */
    bbox() {
      const box = this.map.getBounds().pad(0.1);
      const center = this.map.getCenter();
      const turns = Math.round((center.lng - center.wrap().lng) / 360) * 360;
      const west = Math.max(box.getWest() - turns, -180), east = Math.min(box.getEast() - turns, 180);
      const south = Math.max(box.getSouth(), -90), north = Math.min(box.getNorth(), 90);
      return [west, south, east, north].map((degrees) => degrees.toFixed(6)).join();
    }

    async load() {
      this.running?.abort();
      const running = this.running = new AbortController();
      const query = this.filters();
      query.set("bbox", this.bbox());
      query.set("zoom", Math.floor(this.map.getZoom()));
      try {
        const { content, etag } = await desk.load(`${this.box.dataset.source}?${query}`, running.signal);
        if (etag && etag === this.etag) return;
        this.etag = etag;
        this.show(content);
      } catch (error) {
        if (error.name === "AbortError") return;
        const isOffline = error instanceof TypeError;
        find("summary").textContent = isOffline ? say("offline") : say("failed", { reason: error.message });
        this.etag = null;
      }
    }

    show(content) {
      const triage = this.box.dataset.triage ? `${this.box.dataset.triage}?${this.filters()}` : "";
      this.markers.show(desk.spread(this.map, [
        ...desk.reportMarkers(content.reports, { triage }),
        ...desk.clusterMarkers(this.map, content.clusters),
      ]));
      const counts = { count: number(content.total), overdue: number(content.overdue) };
      find("summary").textContent = !content.total ? say("nothing") : say(content.is_capped ? "capped" : "summary", counts);
      this.list(content);
    }

    list({ reports, clusters }) {
      const groups = [...clusters].sort((one, other) => other.count - one.count);
      const focused = document.activeElement?.dataset?.row;
      find("rows").replaceChildren(
        ...reports.map((report) => this.reportRow(report)),
        ...groups.slice(0, desk.GROUPS_LISTED).map((group) => this.groupRow(group)),
      );
      if (focused) find("rows").querySelector(`[data-row="${CSS.escape(focused)}"]`)?.focus();
      const left = groups.length - desk.GROUPS_LISTED;
      find("more").hidden = left <= 0;
      find("more").textContent = left > 0 ? say("more", { count: number(left) }) : "";
    }

    reportRow(report) {
      const state = element("td", {}, report.status_label);
      const due = report.due ? say("due", { at: report.due }) : "";
      if (due) {
        state.append(element("br"), report.is_overdue
          ? element("strong", { class: "overdue" }, `${due}, ${say("overdue")}`) : due);
      }
      const title = element("td", {},
        element("a", { href: report.url, "data-row": `to ${report.id}` }, report.title),
        element("br"), element("small", {}, [report.category, report.severity_label].filter(Boolean).join(" · ")));
      return element("tr", {}, title, state,
        element("td", {}, this.button(say("show"), report.title, report.id, () => this.markers.open(report.id))));
    }

    groupRow(group) {
      const counts = { count: number(group.count), overdue: number(group.overdue) };
      const key = group.box.join();
      return element("tr", {}, element("td", {}, say("cluster", counts)),
        element("td", {}, group.overdue
          ? element("strong", { class: "overdue" }, `${counts.overdue} ${say("overdue")}`) : ""),
        element("td", {}, this.button(say("zoom"), say("clusterOverdue", counts), key, () => desk.zoomInto(this.map, group))));
    }

    button(text, about, key, act) {
      const made = element("button", { type: "button", "aria-label": `${text}: ${about}`, "data-row": key }, text);
      made.addEventListener("click", act);
      return made;
    }

    stop() {
      clearInterval(this.timer);
      this.map.remove();
    }
  }

  desk.kinds.list = (box) => new Page(box);
})();
