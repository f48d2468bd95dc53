/* "Near me" in the list of reports: the reports within about a kilometre of the device. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const button = document.querySelector("[data-near]"), said = document.querySelector("[data-near-said]");
  if (!("geolocation" in navigator)) return;
  button.hidden = false;
  button.addEventListener("click", () => navigator.geolocation.getCurrentPosition(({ coords }) => {
    const { latitude, longitude } = coords, north = 0.009;
    const east = north / Math.max(Math.cos(latitude * Math.PI / 180), 0.01);
    const query = new URLSearchParams(location.search);
    query.delete("cursor");
    query.set("bbox", [longitude - east, latitude - north, longitude + east, latitude + north]
      .map((degrees) => degrees.toFixed(5)).join());
    location.search = query;
  }, () => { said.textContent = said.dataset.failed; }, { timeout: 15000 }));
});
