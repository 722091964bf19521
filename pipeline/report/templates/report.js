"use strict";
(() => {
  const page = document.documentElement;
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const coarse = matchMedia("(pointer: coarse)").matches;
  const sheet = 640; // pixels, the width of A4 within its margins
  let width = null; // of plots in pixels, where it is not that of their place

  const resolved = (value) => {
    if (typeof value === "string") {
      return /^--(c\d|muted)$/.test(value) ? getComputedStyle(page).getPropertyValue(value).trim() : value;
    }
    if (Array.isArray(value)) return value.map(resolved);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolved(each)]));
    }
    return value;
  };

  const layout = (figure, div) => {
    const colour = (name) => getComputedStyle(page).getPropertyValue(name).trim();
    const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), zeroline: false, automargin: true, fixedrange: coarse };
    const given = resolved(figure.layout);
    for (const name of Object.keys(given).filter((key) => /^[xy]axis/.test(key))) given[name] = { ...axis, ...given[name] };
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--ink"), family: getComputedStyle(document.body).fontFamily, size: 12 },
      margin: { l: 48, r: 16, t: 12, b: 44 },
      hoverlabel: { bgcolor: colour("--raised"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, xanchor: "left" },
      height: Number(div.dataset.height), autosize: true,
      ...given,
      dragmode: coarse ? false : given.dragmode ?? false,
      ...(width ? { width, autosize: false } : {}),
    };
  };

  const draw = () => Promise.all(figures.map(async (figure) => {
    const div = document.getElementById(`plot-${figure.name}`);
    await Plotly.react(div, resolved(figure.data), layout(figure, div), { displayModeBar: false, responsive: !width });
    div.dataset.drawn = div.querySelectorAll(".plot .trace").length;
  }));

  draw().then(() => { page.dataset.plots = figures.length; });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", () => { page.classList.add("printed"); width = sheet; draw(); });
  addEventListener("afterprint", () => { page.classList.remove("printed"); width = null; draw(); });
})();
