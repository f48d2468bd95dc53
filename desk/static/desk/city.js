// Draws each table of the page as a chart. Without this script the tables stand alone.
"use strict";
(() => {
  const MARKS = ["circle", "rect", "triangle", "rectRot"];
  const DASHES = [[], [6, 3], [2, 3], [10, 3, 2, 3]];
  const LIGHT = ["#0b5c8a", "#b45309", "#1d7a43", "#7c3aed"];
  const DARK = ["#7cc4f5", "#f5b35c", "#6fd39a", "#c4a6ff"];
  const page = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  let isOnPaper = false;
  const isDark = () =>
    !isOnPaper && (page.dataset.theme === "dark" || (page.dataset.theme !== "light" && system.matches));

  const charts = [];

  function seriesOf(table) {
    const heads = [...table.tHead.rows[0].cells];
    const rows = [...table.tBodies[0].rows];
    const labels = rows.map((row) => row.cells[0].textContent);
    const drawn = heads.map((head, place) => ({ head, place })).filter(({ head }) => head.dataset.drawn);
    return { labels, series: drawn.map(({ head, place }) => ({
      label: head.textContent,
      unit: head.dataset.drawn,
      data: rows.map((row) => ("value" in row.cells[place].dataset ? Number(row.cells[place].dataset.value) : null)),
    })) };
  }

  /** Return a hatched fill, so that two bars differ without their colours. */
  function hatched(colour) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.strokeStyle = colour;
    pen.lineWidth = 2;
    pen.beginPath();
    for (const start of [-4, 4, 12]) { pen.moveTo(start - 4, 12); pen.lineTo(start + 8, 0); }
    pen.stroke();
    return pen.createPattern(tile, "repeat");
  }

  function dataset(one, place, kind, colours) {
    const colour = colours[place % colours.length];
    const line = { borderColor: colour, borderWidth: 2, borderDash: DASHES[place % 4], pointStyle: MARKS[place % 4],
      pointRadius: one.data.length > 60 ? 0 : 3, backgroundColor: colour, spanGaps: false, tension: 0 };
    if (kind === "line") { return { ...line, label: one.label, data: one.data }; }
    if (kind === "interval") {
      const fill = place === 2 ? { target: "-1", above: `${colour}30`, below: `${colour}30` } : false;
      return { ...line, label: one.label, data: one.data, fill };
    }
    return { label: one.label, data: one.data, borderColor: colour, borderWidth: 1, maxBarThickness: 22,
      backgroundColor: place % 2 ? hatched(colour) : colour };
  }

  // A long name would be cut at its beginning on a phone; the table has it in full.
  function shortened(name, box) {
    return box.clientWidth < 420 && name.length > 20 ? `${name.slice(0, 19)}…` : name;
  }

  function draw(figure) {
    const table = figure.querySelector("table");
    if (!table || !table.tBodies[0].rows.length) { return; }
    const kind = figure.dataset.kind;
    const { labels, series } = seriesOf(table);
    const colours = isDark() ? DARK : LIGHT;
    const style = getComputedStyle(figure);
    const [ink, hair] = isOnPaper ? ["#1d2530", "#c3ccd6"] : [style.color, style.borderTopColor];
    const isFlat = kind === "bar";
    const box = figure.querySelector(".city-chart");
    box.hidden = false;
    if (isFlat) { box.style.height = `${Math.max(140, labels.length * (series.length > 1 ? 34 : 26) + 70)}px`; }
    const unit = series[0].unit === "1" ? "" : series[0].unit === "±" ? "" : ` ${series[0].unit}`;
    const number = (value) => `${value}${unit}`;
    const axis = { grid: { color: hair }, ticks: { color: ink, callback: number }, beginAtZero: true };
    const names = { grid: { display: false }, ticks: { color: ink, autoSkip: !isFlat, maxRotation: 0 } };
    if (isFlat) { names.ticks.callback = function (value) { return shortened(this.getLabelForValue(value), box); }; }
    charts.push(new Chart(figure.querySelector("canvas"), {
      type: isFlat ? "bar" : "line",
      data: { labels, datasets: series.map((one, place) => dataset(one, place, kind, colours)) },
      options: {
        indexAxis: isFlat ? "y" : "x",
        animation: false, maintainAspectRatio: false, responsive: true,
        interaction: { mode: "index", axis: isFlat ? "y" : "x", intersect: false },
        scales: isFlat ? { x: axis, y: names } : { y: axis, x: names },
        plugins: { legend: { display: series.length > 1, labels: { color: ink, usePointStyle: !isFlat } } },
      },
    }));
  }

  function drawAll() {
    while (charts.length) { charts.pop().destroy(); }
    document.querySelectorAll(".city-figure").forEach(draw);
  }

  drawAll();
  document.querySelectorAll(".city-figure details").forEach((one) => { one.open = false; });
  system.addEventListener("change", drawAll);
  new MutationObserver(drawAll).observe(page, { attributes: true, attributeFilter: ["data-theme"] });
  addEventListener("beforeprint", () => {
    document.querySelectorAll(".city-figure details").forEach((one) => { one.open = true; });
    isOnPaper = true;
    drawAll();
  });
  addEventListener("afterprint", () => {
    isOnPaper = false;
    drawAll();
  });
})();
