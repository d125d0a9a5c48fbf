// Keeps the page up to date: when the stream sends an event, fetches the live part of the page again and replaces
// the old one. Without this script the page shows the state at the time of the request.

import { morph } from "./morph.js";
import { Stream } from "./stream.js";
import { tick } from "./times.js";

const GAP = 500; // ms between two refreshes, at least
const QUIET = 1_500; // ms between two announcements to screen readers
const WORDS = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  lost: "Not connected",
  closed: "Paused",
};

const still = matchMedia("(prefers-reduced-motion: reduce)");
const live = document.getElementById("live");
const link = document.getElementById("link");
const pause = document.getElementById("pause");
const notice = document.getElementById("notice");
const announcer = document.getElementById("announcer");
const filter = document.getElementById("filter");

let ahead = 0; // how far this clock is ahead of the server's
let paused = false;
let busy = false;
let dirty = false;
let timer = 0;
let free = 0; // when the next refresh may begin
let changes = [];

function readClock() {
  ahead = Date.now() - Number(live.dataset.now);
}

function showTimes() {
  tick(live, Date.now() - ahead);
}

// Refreshing

async function refresh() {
  clearTimeout(timer);
  timer = 0;
  if (busy) return;
  busy = true;
  dirty = false;
  const began = Date.now();
  const address = location.href;
  try {
    const answer = await fetch(address, {
      headers: { "X-Fragment": "1", Accept: "text/html" },
      cache: "no-store",
      signal: AbortSignal.timeout(10_000),
    });
    if ([401, 403, 404].includes(answer.status)) return location.reload(); // signed out, not allowed, or deleted
    if (answer.ok) show(await answer.text(), address);
  } catch {
    // The stream shows whether the page is connected, and refreshes it when it is again.
  } finally {
    busy = false;
    free = Date.now() + Math.max(GAP, 3 * (Date.now() - began));
    if (dirty || address !== location.href) schedule();
  }
}

function schedule() {
  dirty = true;
  if (timer || busy || paused || document.hidden) return;
  timer = setTimeout(refresh, Math.max(50, free - Date.now()));
}

function show(text, address) {
  if (address !== location.href || paused) return;
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("live");
  if (!fresh) return;
  const before = states();
  const sameList = fresh.dataset.list === live.dataset.list;
  morph(live, fresh);
  readClock();
  showTimes();
  if (sameList) showChanges(before);
}

// Showing changes: a short glow, and a polite announcement to screen readers

function states() {
  return new Map([...live.querySelectorAll("[data-state]")].map((item) => [item.dataset.key, item.dataset.state]));
}

function showChanges(before) {
  for (const item of live.querySelectorAll("[data-state]")) {
    if (before.get(item.dataset.key) === item.dataset.state) continue;
    changes.push(`${item.dataset.name}: ${item.dataset.state}.`);
    if (!still.matches) item.animate([{ backgroundColor: "var(--glow)" }, {}], { duration: 1600, easing: "ease-out" });
  }
}

function announce() {
  if (!changes.length) return;
  announcer.textContent = changes.length > 3 ? `${changes.length} changes.` : changes.join(" ");
  changes = [];
}

// The connection

function showLink(state) {
  if (state === "closed" && !paused) return; // only out of sight
  link.dataset.link = state;
  link.querySelector("span").textContent = WORDS[state];
}

function connect() {
  const stream = new Stream(live.dataset.events, showLink, schedule);
  if (!document.hidden) stream.open();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stream.close();
    else if (!paused) stream.open();
  });
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (event) => event.persisted && !paused && stream.open());
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    if (paused) stream.close();
    else stream.open();
  });
  if (live.dataset.every) setInterval(schedule, Number(live.dataset.every));
}

// The filter

function go(address) {
  history.replaceState(null, "", address);
  refresh().then(() => address === location.href || schedule());
}

function filtered() {
  const given = [...new FormData(filter)].filter(([, value]) => value.trim() !== "");
  return filter.action.split("?")[0] + (given.length ? `?${new URLSearchParams(given)}` : "");
}

function listenToFilter() {
  let typing = 0;
  const apply = () => {
    clearTimeout(typing);
    if (filtered() !== location.href) go(filtered());
  };
  filter.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  filter.addEventListener("change", apply);
  filter.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(apply, 250);
  });
}

// Buttons within the live part, which come and go

async function act(form) {
  if (form.dataset.question && !confirm(form.dataset.question)) return;
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: form.dataset.method, headers: { Accept: "application/json" } });
    const body = answer.status === 204 ? {} : await answer.json();
    notice.dataset.tone = answer.ok ? "good" : "bad";
    notice.textContent = answer.ok ? form.dataset.done || `Replayed: ${body.outcomes.join(", ")}.` : body.detail;
    schedule();
  } catch {
    notice.dataset.tone = "bad";
    notice.textContent = "The receiver can't be reached. Try again.";
  } finally {
    button.disabled = false;
  }
}

async function copy(button) {
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = before), 1500);
}

document.documentElement.classList.add("js");
if (navigator.clipboard) document.documentElement.classList.add("clipboard");
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-method]")) return;
  event.preventDefault();
  act(event.target);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
if (live) {
  readClock();
  setInterval(() => paused || document.hidden || showTimes(), 1000);
  setInterval(announce, QUIET);
  connect();
}
if (filter) listenToFilter();
