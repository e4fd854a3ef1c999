// What pages do beyond links and forms: draw figures, and go on with what is under way.
"use strict";

const night = matchMedia("(prefers-color-scheme: dark)");
const SHEET = 680;
let printing = false;

function looks() {
  const dark = night.matches && !printing;
  const axis = { gridcolor: dark ? "#3a3f47" : "#e3e5e9", zerolinecolor: dark ? "#5a606a" : "#c3c7ce" };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: dark ? "#e8eaed" : "#1c2024", family: "system-ui, sans-serif", size: 12 },
    hoverlabel: { font: { color: dark ? "#e8eaed" : "#1c2024" }, bgcolor: dark ? "#1e2227" : "#ffffff" },
    xaxis: { ...axis, automargin: true }, yaxis: { ...axis, automargin: true },
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

// <div class="plot" data-figure="/data/…"> is drawn from the JSON of its address; with data-shared
// the choices in the page's own address go along. What it leaves out stands in the .note behind it.
function addressOf(place) {
  const address = new URL(place.dataset.figure, location.href);
  if (!("shared" in place.dataset)) return address;
  const own = new Set(address.searchParams.keys());
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (!own.has(name)) address.searchParams.append(name, value);
  }
  return address;
}

const drawn = new Map();
// Plotly's own button to share a figure sends its points to a company.
const BUTTONS = {
  responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "",
  modeBarButtonsToRemove: ["select2d", "lasso2d"],
};

function paint(place) {
  const figure = drawn.get(place), layout = over(looks(), figure.layout);
  // Plotly takes the height of the place when the window changes, not that of the figure.
  if (layout.height) place.style.height = `${layout.height + 2}px`;
  // A sheet is narrower than a screen, and nothing is drawn anew on it.
  if (printing) layout.width = Math.min(place.clientWidth, SHEET);
  return Plotly.react(place, figure.data, layout, BUTTONS);
}

async function draw(place) {
  const answer = await fetch(addressOf(place));
  const figure = await answer.json();
  if (!answer.ok) throw [figure.error, figure.hint].filter(Boolean).join(": ");
  const first = !drawn.has(place);
  if (first) place.textContent = "";
  drawn.set(place, figure);
  await paint(place);
  const note = document.getElementById(place.dataset.note) || place.nextElementSibling;
  if (note?.matches(".note")) note.textContent = figure.note || "";
  // A click on a point that stands for a run leads to it.
  if (first) place.on("plotly_click", ({ points }) => {
    const address = points[0].customdata || points[0].data.meta;
    if (/^\/(runs|snapshots)\/\w+$/.test(address)) location.href = address;
  });
}

// One after the other, from the top; a call meanwhile makes one more round.
let rounds = 0, later = 0;
async function drawAll() {
  if (rounds++) return;
  while (rounds) {
    rounds = 1;
    for (const place of document.querySelectorAll(".plot[data-figure]")) {
      await draw(place).catch((error) => {
        if (!drawn.has(place)) place.textContent = String(error);
      });
    }
    rounds -= 1;
  }
  // What is compared goes on while one of it is under way.
  clearTimeout(later);
  const live = [...drawn].some(([place, figure]) => figure.live && "shared" in place.dataset);
  if (live) later = setTimeout(drawAll, 5000);
}

function repaint() { for (const place of drawn.keys()) paint(place); }
night.addEventListener("change", repaint);
addEventListener("beforeprint", () => { printing = true; repaint(); });
addEventListener("afterprint", () => {
  printing = false;
  repaint();
  for (const place of drawn.keys()) Plotly.Plots.resize(place);
});

// What is empty has no place in an address that is shared; the answer shows the part of the page
// that was asked for.
addEventListener("submit", ({ target, submitter }) => {
  const part = submitter?.closest("section[id]");
  if (part) target.action = `${location.pathname}#${part.id}`;
  const empty = [...target.elements].filter((one) => one.name && one.value === "");
  for (const one of empty) one.disabled = true;
  setTimeout(() => { for (const one of empty) one.disabled = false; });
});

const pause = (seconds) => new Promise((go) => setTimeout(go, seconds * 1000));
const ask = (address) => fetch(address).then((answer) => (answer.ok ? answer.json() : null), () => null);
const KEPT = 2_000_000;

// <pre data-follow="/data/runs/ID/log?from=N"> grows while its run lasts; of very much the end is kept.
async function follow(place) {
  let address = place.dataset.follow, size = place.textContent.length;
  place.scrollTop = place.scrollHeight;
  while (address) {
    const more = await ask(address);
    if (!more) return;
    if (more.text) {
      const atEnd = place.scrollTop + place.clientHeight >= place.scrollHeight - 4;
      place.append(more.text);
      size += more.text.length;
      while (size > KEPT && place.firstChild !== place.lastChild) {
        size -= place.firstChild.data.length;
        place.firstChild.remove();
      }
      if (atEnd) place.scrollTop = place.scrollHeight;
    }
    address = more.next;
    if (address && more.text.length < 100_000) await pause(1);
  }
}

// What says something of a run that goes on, <… id="last-1" data-fresh>, is taken from this page's
// new answer; a metric that was not there before needs a new page.
async function renew() {
  const text = await fetch(location.href).then((answer) => (answer.ok ? answer.text() : null), () => null);
  if (text === null) return;
  const made = new DOMParser().parseFromString(text, "text/html");
  const figures = (page) => [...page.querySelectorAll("[data-figure], [name=type]")].map((one) => one.dataset.figure ?? one.value).join(" ");
  if (figures(made) !== figures(document)) { location.reload(); return; }
  for (const old of document.querySelectorAll("[data-fresh]")) {
    old.textContent = made.getElementById(old.id)?.textContent ?? old.textContent;
  }
}

// <p data-live="/data/runs/ID/live"> says how long a run has been going; the page is drawn again
// as it logs more, and made anew at its end.
async function watch(place) {
  let points = place.dataset.points, machine = "";
  for (;;) {
    await pause(2);
    if (document.hidden) continue;
    const now = await ask(place.dataset.live);
    if (!now) { place.append(" · no answer comes any more: load this page again, or start 'git datmo ui' again"); return; }
    if (now.ended || (points === "0" && now.points)) { location.reload(); return; }
    const took = place.querySelector("[data-took]");
    if (took) took.textContent = now.took;
    if (String(now.points) !== points || now.machine !== machine) {
      drawAll();
      if (document.querySelector("[data-fresh]")) await renew();
    }
    points = String(now.points);
    machine = now.machine;
  }
}

// What only changes how figures are drawn needs no new page: <form data-redraws="metric type">
// names the fields that do.
addEventListener("change", ({ target }) => {
  const form = target.form;
  if (!form?.matches("[data-redraws]")) return;
  if (form.dataset.redraws.split(" ").includes(target.name)) { form.requestSubmit(); return; }
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  history.replaceState(null, "", `?${query}${location.hash}`);
  drawAll();
});

// What lies in <… id="now" data-again="3"> is asked for again every so many seconds while it is
// looked at: its place in this page's new answer takes its place. Ticks and the
// focus are kept.
async function again(id, seconds) {
  for (;;) {
    await pause(seconds);
    if (document.hidden) continue;
    const text = await fetch(location.href).then((answer) => (answer.ok ? answer.text() : null), () => null);
    if (text === null) return;
    const old = document.getElementById(id);
    const made = new DOMParser().parseFromString(text, "text/html").getElementById(id);
    if (!made) { location.reload(); return; }
    const same = (one) => [...made.querySelectorAll(one.localName)].find(
      (other) => (one.value ? other.value === one.value : other.href === one.href));
    for (const box of old.querySelectorAll("input:checked")) {
      const other = same(box);
      if (other) other.checked = true;
    }
    const focus = old.contains(document.activeElement) ? same(document.activeElement) : null;
    old.replaceWith(made);
    focus?.focus({ preventScroll: true });
    if (!made.dataset.again) return;
  }
}

drawAll();
for (const place of document.querySelectorAll("[data-again]")) again(place.id, Number(place.dataset.again));
for (const place of document.querySelectorAll("[data-follow]")) follow(place);
for (const place of document.querySelectorAll("[data-live]")) watch(place);
// Of a log one looks for the end first.
for (const place of document.querySelectorAll("[data-end]")) place.scrollTop = place.scrollHeight;
// A graph wider than the screen begins with what it is about in the middle.
for (const graph of document.querySelectorAll(".graph")) {
  const root = graph.querySelector(".root")?.getBoundingClientRect();
  if (root) graph.scrollLeft = root.left - graph.getBoundingClientRect().left - (graph.clientWidth - root.width) / 2;
}
