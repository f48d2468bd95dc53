/* Maps of the public pages. `[data-map="points"]` shows reports, `[data-map="choose"]` takes a place
   by a click. Everything that a map says stands on its page without it. */
"use strict";

(() => {
  const settings = JSON.parse(document.getElementById("map-settings").textContent);
  const STREETS_FROM_ZOOM = 14, TILES_MAXIMUM = 40;

  function element(tag, attributes, text) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  }

  async function load(address) {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.statusText);
    return answer.json();
  }

  // --- The city behind the map --------------------------------------------------------------------

  function drawBackground(map) {
    for (const [name, level] of [["city", 210], ["streets", 220]]) {
      map.createPane(name).style.zIndex = level;
      map.getPane(name).style.pointerEvents = "none";
    }
    if (settings.tiles) {
      L.tileLayer(settings.tiles, { attribution: settings.attribution, maxZoom: 20 }).addTo(map);
      return;
    }
    load(settings.outlines).then(({ features }) => {
      for (const feature of features) {
        const { kind, name, label } = feature.properties;
        const style = { className: `map-${kind}` };
        L.geoJSON(feature, { pane: "city", interactive: false, style }).addTo(map);
        if (kind === "area") nameAt(label, name).addTo(map);
      }
    }).catch(() => {});
    drawStreets(map);
  }

  function nameAt(place, text) {
    const html = element("span", {}, text);
    const icon = L.divIcon({ className: "map-name", html, iconSize: [0, 0] });
    return L.marker(place, { icon, pane: "streets", interactive: false, keyboard: false });
  }

  function drawStreets(map) {
    const known = new Set();
    const update = () => {
      if (map.getZoom() < STREETS_FROM_ZOOM) return;
      for (const [x, y] of tilesIn(map)) {
        if (known.has(`${x}/${y}`)) continue;
        known.add(`${x}/${y}`);
        load(settings.streets.replace("{x}", x).replace("{y}", y)).then((streets) => L.geoJSON(streets, {
          pane: "streets", interactive: false, style: { className: "map-street" },
          pointToLayer: (feature, place) => nameAt(place, feature.properties.name),
        }).addTo(map)).catch(() => known.delete(`${x}/${y}`));
      }
    };
    map.on("moveend", update);
    map.whenReady(update);
  }

  function tilesIn(map) {
    const zoom = settings.streetsZoom, box = map.getBounds(), last = 2 ** zoom - 1;
    const [from, to] = [box.getNorthWest(), box.getSouthEast()].map((corner) =>
      map.project(corner, zoom).divideBy(256).floor());
    const tiles = [];
    for (let x = Math.max(from.x, 0); x <= Math.min(to.x, last); x++)
      for (let y = Math.max(from.y, 0); y <= Math.min(to.y, last); y++) tiles.push([x, y]);
    return tiles.slice(0, TILES_MAXIMUM);
  }

  function newMap(box) {
    box.hidden = false;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const map = L.map(box, {
      maxZoom: 20, minZoom: 2, attributionControl: false, scrollWheelZoom: false,
      zoomAnimation: !isCalm, fadeAnimation: !isCalm, markerZoomAnimation: !isCalm,
    });
    if (settings.tiles) L.control.attribution({ prefix: false }).addTo(map);
    return map;
  }

  function showCity(map) {
    const [west, south, east, north] = settings.bounds ?? [-180, -60, 180, 75];
    map.fitBounds([[south, west], [north, east]]);
  }

  function pin(place, title) {
    const icon = L.divIcon({ className: "map-pin", html: "", iconSize: [28, 28], iconAnchor: [14, 32] });
    const marker = L.marker(place, { icon, title });
    marker.on("add", () => marker.getElement().setAttribute("aria-label", title));
    return marker;
  }

  // --- Reports ------------------------------------------------------------------------------------

  function showPoints(box) {
    const map = newMap(box), points = settings.points;
    if (points.length === 1) map.setView([points[0].latitude, points[0].longitude], 16);
    else if (points.length) map.fitBounds(points.map((one) => [one.latitude, one.longitude]), { padding: [30, 30], maxZoom: 17 });
    else showCity(map);
    drawBackground(map);
    for (const one of points) {
      const marker = pin([one.latitude, one.longitude], one.title).addTo(map);
      if (one.url) marker.bindPopup(() => aboutReport(one));
    }
    offerBox(map);
  }

  function aboutReport(report) {
    const about = element("div", {}, "");
    about.append(element("a", { href: report.url }, report.title), element("div", {}, report.status));
    return about;
  }

  /* Offer the reports of the part that the map shows, once somebody has moved it. */
  function offerBox(map) {
    const line = document.querySelector("[data-box]"), link = document.querySelector("[data-box-link]");
    if (!line) return;
    map.on("dragend zoomend", () => {
      const query = new URLSearchParams(location.search), shown = map.getBounds();
      const edges = [shown.getWest(), shown.getSouth(), shown.getEast(), shown.getNorth()];
      const most = [180, 90, 180, 90];
      query.delete("cursor");
      query.set("bbox", edges.map((edge, at) => Math.max(-most[at], Math.min(most[at], edge)).toFixed(5)).join());
      link.href = `?${query}`;
      line.hidden = false;
    });
  }

  // --- Choosing a place ---------------------------------------------------------------------------

  function choosePlace(box) {
    const map = newMap(box);
    const fields = ["latitude", "longitude"].map((name) => document.getElementById(name));
    let marker = null;
    const mark = (place, zoom) => {
      marker?.remove();
      marker = pin(place, box.dataset.here).addTo(map);
      if (zoom) map.setView(place, Math.max(map.getZoom(), zoom));
    };
    const read = () => {
      const place = fields.map((one) => Number.parseFloat(one.value.replace(",", ".")));
      if (place.every(Number.isFinite) && Math.abs(place[0]) <= 85 && Math.abs(place[1]) <= 180) mark(place, 16);
    };
    showCity(map);
    drawBackground(map);
    read();
    map.on("click", ({ latlng }) => {
      const place = latlng.wrap();
      fields[0].value = place.lat.toFixed(6);
      fields[1].value = place.lng.toFixed(6);
      mark(place);
    });
    for (const one of fields) one.addEventListener("change", read);
    addEventListener("pageshow", read);  // some browsers fill in what they kept as late as that
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const box of document.querySelectorAll("[data-map]"))
      (box.dataset.map === "choose" ? choosePlace : showPoints)(box);
  });
})();
