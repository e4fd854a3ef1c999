// What pages do beyond links and forms: draw figures, and go on with what is under way.
"use strict";

const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;

function looks() {
  const ink = getComputedStyle(document.body).color;
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: ink, family: "system-ui, sans-serif", size: 12 },
    xaxis: { gridcolor: dark() ? "#3a3f47" : "#e3e5e9" },
    yaxis: { gridcolor: dark() ? "#3a3f47" : "#e3e5e9" },
  };
}

function over(base, more) {
  const made = { ...base };
  for (const [key, value] of Object.entries(more)) {
    const both = value && made[key] && typeof value === "object" && !Array.isArray(value);
    made[key] = both ? over(made[key], value) : value;
  }
  return made;
}

// <div class="plot" data-figure="/data/…"> is drawn from the JSON of its address.
async function draw(place) {
  const answer = await fetch(place.dataset.figure);
  const figure = await answer.json();
  if (!answer.ok) { place.textContent = figure.error; return; }
  await Plotly.react(place, figure.data, over(looks(), figure.layout),
    { responsive: true, displaylogo: false });
  const note = document.getElementById(place.dataset.note || "");
  if (note) note.textContent = figure.note || "";
}

function drawAll() {
  for (const place of document.querySelectorAll(".plot[data-figure]")) {
    draw(place).catch((error) => { place.textContent = String(error); });
  }
}

// <pre data-follow="/data/runs/ID/log?from=N"> grows while its run lasts.
async function follow(place) {
  let address = place.dataset.follow;
  while (address) {
    await new Promise((go) => setTimeout(go, 1000));
    const answer = await fetch(address);
    if (!answer.ok) return;
    const more = await answer.json();
    const atEnd = place.scrollTop + place.clientHeight >= place.scrollHeight - 4;
    if (more.text) place.append(more.text);
    if (atEnd) place.scrollTop = place.scrollHeight;
    if (more.text && more.redraw) drawAll();
    address = more.next;
    if (!address) location.reload();
  }
}

drawAll();
for (const place of document.querySelectorAll("[data-follow]")) follow(place);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
