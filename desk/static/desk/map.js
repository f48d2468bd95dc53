/* Maps of reports. `[data-map="around"]` shows a report with its neighbours, `[data-map="list"]` the
   reports that the form beside it chooses. Maps of the page start by themselves; one that comes
   later is started by `deskMap.start(element)`, and ends with `deskMap.stop(element)`. */
"use strict";

(() => {
  const settings = JSON.parse(document.getElementById("desk-map-settings").textContent);
  const texts = settings.texts;
  const started = new WeakMap();
  const GLYPHS = {
    new: "N", triaged: "T", assigned: "A", in_progress: "P", waiting: "W", reopened: "R",
    resolved: "✓", closed: "✓", rejected: "×", duplicate: "=",
  };
  const STREETS_FROM_ZOOM = 14, NAMES_FROM_ZOOM = 16, STREET_NAMES_MAXIMUM = 40;
  const GROUPS_LISTED = 40;

  const say = (name, values = {}) =>
    texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
  const number = (value) => value.toLocaleString(document.documentElement.lang || undefined);

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children.filter((child) => child !== ""));
    return made;
  }

  // --- The city behind the map ------------------------------------------------------------------

  function drawBackground(map) {
    for (const [name, level] of [["city", 210], ["streets", 220], ["layers", 350]]) {
      map.createPane(name).style.zIndex = level;
      map.getPane(name).style.pointerEvents = name === "layers" ? "" : "none";
    }
    if (settings.tiles) {
      L.tileLayer(settings.tiles, { attribution: settings.attribution, maxZoom: 20 }).addTo(map);
      return null;
    }
    const outlines = L.layerGroup().addTo(map);
    load(settings.background).then(({ content }) => {
      for (const feature of content.features) {
        const { kind, name, label } = feature.properties;
        L.geoJSON(feature, { pane: "city", interactive: false, style: { className: `map-${kind}` } })
          .addTo(outlines);
        if (kind === "area") outlines.addLayer(nameAt(label, name, "map-name area"));
      }
    }).catch(() => {});
    drawStreets(map);
    return outlines;
  }

  function nameAt(place, text, classes) {
    const icon = L.divIcon({ className: classes, html: element("span", {}, text), iconSize: [0, 0] });
    return L.marker(place, { icon, pane: "streets", interactive: false, keyboard: false });
  }

  function drawStreets(map) {
    const tiles = new Map();
    const names = L.layerGroup().addTo(map);
    let isGone = false; // since its page shows another report
    map.on("unload", () => { isGone = true; });
    const update = async () => {
      map.getContainer().classList.toggle("is-near", map.getZoom() >= STREETS_FROM_ZOOM);
      names.clearLayers();
      if (map.getZoom() < STREETS_FROM_ZOOM) return;
      await Promise.all(tilesIn(map).map((tile) => addTile(map, tiles, tile)));
      if (isGone) return;
      if (map.getZoom() >= NAMES_FROM_ZOOM) nameStreets(map, tiles, names);
    };
    map.on("moveend", update);
    map.whenReady(update);
  }

  function tilesIn(map) {
    const zoom = settings.streetsZoom, box = map.getBounds(), last = 2 ** zoom - 1;
    const [from, to] = [box.getNorthWest(), box.getSouthEast()].map((corner) =>
      map.project(corner, zoom).divideBy(256).floor());
    const keys = [];
    for (let x = Math.max(from.x, 0); x <= Math.min(to.x, last); x++)
      for (let y = Math.max(from.y, 0); y <= Math.min(to.y, last); y++) keys.push(`${x}/${y}`);
    return keys.slice(0, 40);
  }

  async function addTile(map, tiles, key) {
    if (tiles.has(key)) return;
    const layer = L.geoJSON(null, {
      pane: "streets", interactive: false,
      style: { className: "map-street" },
      pointToLayer: (feature, place) => nameAt(place, feature.properties.name, "map-name place"),
    }).addTo(map);
    tiles.set(key, layer);
    const [x, y] = key.split("/");
    const address = settings.streets.replace("{x}", x).replace("{y}", y);
    try {
      layer.addData((await load(address)).content);
    } catch {
      tiles.delete(key);
      layer.remove();
    }
  }

  function nameStreets(map, tiles, names) {
    const box = map.getBounds(), named = new Set();
    names.clearLayers();
    for (const layer of tiles.values()) {
      layer.eachLayer((street) => {
        const { kind, name } = street.feature.properties;
        const inView = kind === "street" && !named.has(name) && named.size < STREET_NAMES_MAXIMUM
          && pointInView(street, box);
        if (!inView) return;
        named.add(name);
        names.addLayer(nameAt(inView, name, "map-name street"));
      });
    }
  }

  function pointInView(street, box) {
    const inner = box.pad(-0.1);
    const points = street.getLatLngs().flat(2).filter((point) => inner.contains(point));
    return points[Math.floor(points.length / 2)];
  }

  // --- Data -------------------------------------------------------------------------------------

  async function load(address, signal) {
    const answer = await fetch(address, { signal, cache: "no-cache", headers: { Accept: "application/json" } });
    if (answer.redirected && answer.url.includes("/login/")) {
      // The page of the map has nothing to lose; another one may hold what somebody typed.
      if (document.querySelector('[data-map="list"]')) location.reload();
      throw new Error(answer.statusText);
    }
    if (!answer.ok) throw new Error((await answer.text()).slice(0, 200).trim());
    return { content: await answer.json(), etag: answer.headers.get("ETag") };
  }

  // --- Markers ----------------------------------------------------------------------------------

  function reportIcon(report, isHere) {
    const classes = ["map-report", `is-${report.status}`, `severity-${report.severity}`];
    if (!report.is_open) classes.push("is-done");
    if (report.is_overdue) classes.push("is-overdue");
    if (isHere) classes.push("is-here");
    const glyph = report.is_overdue ? "!" : GLYPHS[report.status] ?? "•";
    return L.divIcon({
      className: classes.join(" "), html: element("span", {}, glyph),
      iconSize: isHere ? [36, 36] : [28, 28],
    });
  }

  const inWords = (report, isHere) => [
    report.title, isHere ? say("here") : "", report.status_label, report.severity_label,
    report.is_overdue ? say("overdue") : "",
  ].filter(Boolean).join(", ");

  function facts(report) {
    const due = report.due ? say("due", { at: report.due }) : "";
    const state = element("p", {}, `${report.status_label} · ${report.severity_label}`);
    if (due) {
      state.append(" · ", report.is_overdue
        ? element("strong", { class: "overdue" }, `${due}, ${say("overdue")}`) : due);
    }
    const where = [report.category, report.department].filter(Boolean).join(" · ");
    return [state, element("p", { class: "quiet" }, where, element("br"),
      say("reported", { at: report.created }))];
  }

  function popupOf(report, triage) {
    const links = element("p", {}, element("a", { href: report.url }, say("open")));
    if (triage) links.append(" · ", element("a", { href: triage }, say("triage")));
    return element("div", { class: "map-popup" },
      element("p", { class: "title" }, element("a", { href: report.url }, report.title)), ...facts(report), links);
  }

  /* Move markers that would cover each other apart, by pixels, so that each can be reached. */
  function spread(map, markers) {
    const placed = [];
    for (const one of [...markers].sort((a, b) => (b.raised ?? 0) - (a.raised ?? 0))) {
      const [width] = one.icon.options.iconSize, home = map.latLngToLayerPoint(one.place);
      const [x, y] = freeShift(home, width, placed);
      placed.push({ x: home.x + x, y: home.y + y, width });
      one.icon.options.iconAnchor = [width / 2 - x, width / 2 - y];
      one.version = [one.version, x, y];
    }
    return markers;
  }

  function freeShift(home, width, placed) {
    for (let step = 0; step < 80; step++) {
      const angle = step * 2.4, radius = 7 * Math.sqrt(step);
      const x = Math.round(Math.cos(angle) * radius), y = Math.round(Math.sin(angle) * radius);
      const isFree = placed.every((other) =>
        Math.hypot(home.x + x - other.x, home.y + y - other.y) > (width + other.width) / 2 + 1);
      if (isFree) return [x, y];
    }
    return [0, 0];
  }

  /* Shows markers by their keys, so that those that stay keep the focus and their popup. */
  class Markers {
    constructor(map) {
      this.map = map;
      this.shown = new Map();
      this.group = L.layerGroup().addTo(map);
    }

    show(wanted) {
      const keys = new Set(wanted.map((one) => one.key));
      for (const [key, { marker }] of this.shown) {
        if (keys.has(key)) continue;
        this.group.removeLayer(marker);
        this.shown.delete(key);
      }
      for (const one of wanted) this.put(one);
    }

    put(one) {
      const version = JSON.stringify([one.place, one.label, one.version]);
      const before = this.shown.get(one.key);
      if (before?.version === version) return;
      if (before && !before.marker.isPopupOpen()) this.group.removeLayer(before.marker);
      else if (before) return;
      const marker = L.marker(one.place, {
        icon: one.icon, title: one.label, zIndexOffset: one.raised ?? 0, riseOnHover: true,
      });
      if (one.popup) marker.bindPopup(one.popup, { minWidth: 220, maxWidth: 280 });
      if (one.act) marker.on("click", one.act);
      this.group.addLayer(marker);
      marker.getElement()?.setAttribute("aria-label", one.label);
      this.shown.set(one.key, { marker, version });
    }

    open(key) {
      const marker = this.shown.get(key)?.marker;
      if (!marker) return;
      this.map.panTo(marker.getLatLng());
      marker.openPopup();
    }
  }

  function reportMarkers(reports, { here, triage } = {}) {
    return reports.map((report) => {
      const isHere = report.id === here;
      return {
        key: report.id, place: [report.latitude, report.longitude], icon: reportIcon(report, isHere),
        label: inWords(report, isHere), raised: isHere ? 1000 : 0,
        popup: () => popupOf(report, triage), version: [report.due, triage],
      };
    });
  }

  function clusterMarkers(map, clusters) {
    return clusters.map((one) => {
      const name = one.overdue ? "clusterOverdue" : "cluster";
      const label = say(name, { count: number(one.count), overdue: number(one.overdue) });
      const size = Math.round(Math.min(30 + 14 * Math.log10(one.count + 1), 64));
      const html = element("span", {}, number(one.count));
      if (one.overdue) html.dataset.overdue = `!${number(one.overdue)}`;
      const classes = one.overdue ? "map-cluster is-overdue" : "map-cluster";
      return {
        key: `cluster ${one.box.join()}`, place: [one.latitude, one.longitude], label,
        icon: L.divIcon({ className: classes, html, iconSize: [size, size] }),
        act: () => zoomInto(map, one), raised: 500,
      };
    });
  }

  function zoomInto(map, cluster) {
    const [west, south, east, north] = cluster.box;
    const nearer = Math.max(map.getBoundsZoom([[south, west], [north, east]]), map.getZoom() + 1);
    map.setView([cluster.latitude, cluster.longitude], Math.min(nearer, map.getMaxZoom()));
  }

  /* The keyboard goes into a popup as it opens, and back to its marker as it closes. */
  function keepFocus(map) {
    map.on("popupopen", ({ popup }) => popup.getElement().querySelector("a")?.focus({ preventScroll: true }));
    map.on("popupclose", ({ popup }) => {
      if (popup.getElement()?.contains(document.activeElement)) popup._source?.getElement()?.focus();
    });
    map.getContainer().addEventListener("keydown", (event) => {
      if (event.key === "Escape") map.closePopup();
    });
  }

  function newMap(box) {
    const map = L.map(box, { maxZoom: 20, minZoom: 2, worldCopyJump: true, zoomSnap: 0.5, attributionControl: false });
    if (settings.tiles) L.control.attribution({ prefix: false }).addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    keepFocus(map);
    return map;
  }

  // --- Layers over the map -------------------------------------------------------------------------

  function drawLayer(kind, content) {
    const crews = [];
    const colour = (crew) => {
      if (!crews.includes(crew)) crews.push(crew);
      return `route-${crews.indexOf(crew) % 4}`;
    };
    return L.geoJSON(content, {
      pane: "layers",
      style: ({ properties }) => ({ className: `map-${kind} ${colour(properties.crew)}` }),
      pointToLayer: ({ properties }, place) => kind === "pattern"
        ? L.circle(place, { radius: properties.radius, pane: "layers", className: "map-pattern" })
        : stopAt(place, properties, colour(properties.crew)),
      onEachFeature: ({ properties }, layer) => layer.bindPopup(() => aboutFeature(properties)),
    });
  }

  function stopAt(place, { position, title, crew }, colour) {
    const icon = L.divIcon({
      className: `map-stop ${colour}`, html: element("span", {}, String(position ?? "")), iconSize: [24, 24],
    });
    return L.marker(place, { icon, title: [position, title, crew].filter(Boolean).join(", ") });
  }

  function aboutFeature({ name, url, crew, title, address }) {
    const head = name ?? title ?? crew;
    return element("div", { class: "map-popup" },
      element("p", { class: "title" }, url ? element("a", { href: url }, head) : head),
      element("p", { class: "quiet" }, [name ? "" : crew, address].filter(Boolean).join(" · ")));
  }

  // --- A report with its neighbours ---------------------------------------------------------------

  function startAround(box) {
    const map = newMap(box);
    map.setView([box.dataset.latitude, box.dataset.longitude], 17);
    drawBackground(map);
    const markers = new Markers(map), figure = box.closest("figure");
    load(box.dataset.source).then(({ content }) => {
      const { here, reports } = content;
      markers.show(spread(map, reportMarkers(reports, { here })));
      const near = reports.filter((report) => report.id !== here);
      figure?.querySelector("[data-map-summary]")
        ?.replaceChildren(say("near", { count: number(near.length) }));
      figure?.querySelector("[data-map-list]")?.replaceChildren(...near.map((report) =>
        element("li", {}, element("a", { href: report.url }, report.title), ...facts(report))));
    }).catch(() => {});
    return { map, stop: () => map.remove() };
  }

  const kinds = { around: startAround };

  window.deskMap = {
    settings, texts, say, number, element, load, newMap, drawBackground, Markers, spread, reportMarkers,
    clusterMarkers, zoomInto, drawLayer, facts, kinds, GROUPS_LISTED,
    start(box) {
      if (started.has(box) || !kinds[box.dataset.map]) return;
      started.set(box, kinds[box.dataset.map](box));
    },
    stop(box) {
      started.get(box)?.stop();
      started.delete(box);
    },
  };
  document.addEventListener("DOMContentLoaded", () =>
    document.querySelectorAll("[data-map]").forEach(window.deskMap.start));
})();
