// Draws the plots and answers their controls; what is drawn stands in the page as JSON.
"use strict";

const NARROW = 600; // pixels, below which the legend goes underneath
const LINE = 20; // pixels of a key of the legend
const PAPER = 660; // width of a plot in print
const HEIGHT = 420; // of a plot that does not say its own
const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false };
const drawn = JSON.parse(document.getElementById("drawn").textContent);
const touch = window.matchMedia("(pointer: coarse)").matches;

function fitted(figure, width) {
  const copy = structuredClone(figure);
  const layout = copy.layout;
  const narrow = width < NARROW;
  layout.dragmode = touch ? false : "zoom"; // a finger on a plot scrolls the page
  if (narrow) {
    layout.font.size = 11;
    layout.margin.l = Math.min(layout.margin.l, 100);
    for (const axis of [layout.xaxis, layout.yaxis]) {
      axis.title.font = { size: 12 };
      axis.title.text = axis.title.text.replace(", ", ",<br>");
    }
  }
  if (layout.showlegend !== false && copy.data.length > 1) {
    // under the axis, which moves up: one key a line, or four
    const lines = narrow ? copy.data.length : Math.ceil(copy.data.length / 4);
    layout.legend = { orientation: narrow ? "v" : "h", x: 0, y: 0, yref: "container" };
    layout.legend.yanchor = "bottom";
    layout.margin.b = (narrow ? 75 : 65) + LINE * lines;
    layout.height = narrow ? 350 + LINE * lines : 480;
  }
  return copy;
}

function draw(plot) {
  const element = plot.querySelector(".drawn");
  const select = plot.querySelector("select");
  const checkbox = plot.querySelector("input");
  const figures = drawn[plot.id];
  const chosen = select ? select.value : Object.keys(figures)[0];
  const figure = fitted(figures[chosen], element.clientWidth);
  for (const trace of figure.data) {
    for (const error of [trace.error_x, trace.error_y]) {
      if (error && checkbox) error.visible = checkbox.checked;
    }
  }
  element.style.height = `${figure.layout.height || HEIGHT}px`;
  Plotly.react(element, figure.data, figure.layout, CONFIG);
  for (const row of plot.querySelectorAll("tr[data-group]")) {
    row.hidden = row.dataset.group !== chosen;
  }
}

const plots = [...document.querySelectorAll("figure.plot")];
for (const plot of plots) {
  draw(plot);
  for (const control of plot.querySelectorAll("select, input")) {
    control.addEventListener("change", () => draw(plot));
  }
  plot.querySelector("button").addEventListener("click", () => draw(plot));
}

// a printed page cannot be opened further, and is narrower than a screen
let closed = [];
window.addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const details of closed) details.open = true;
  for (const plot of plots) Plotly.relayout(plot.querySelector(".drawn"), { width: PAPER });
});
window.addEventListener("afterprint", () => {
  for (const details of closed) details.open = false;
  for (const plot of plots) draw(plot);
});
// a link to a folded section opens it
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = target && target.closest("details");
  if (details) details.open = true;
}
window.addEventListener("hashchange", unfold);
unfold();
