// The live wall: puts what the stream brings where it belongs, tells it aloud, and lets the operator acknowledge.

import { armAgainOnFirstTouch, look, toggleSound } from "./alarm.js";
import { keepingFocus, listen, parse, replaceParts } from "./stream.js";
import { clock, length, now } from "./time.js";

const MOST_ENDED = 5;
const ended = [];
const tones = { bad: "sự cố", warn: "cảnh báo", quiet: "nghi ngờ", none: "chưa rõ hoặc đã tắt", ok: "bình thường" };

function onMessage(message) {
  if (message.whole) replaceParts(message.whole);
  if (message.tiles || message.alerts) {
    keepingFocus(() => {
      for (const html of message.tiles ?? []) put(document.getElementById("wall"), parse(html).firstElementChild);
      for (const [id, html] of Object.entries(message.alerts ?? {})) putAlert(id, html);
    });
  }
  if (message.whole || message.tiles || message.alerts) afterChange();
}

// Replace the element of the same id, and keep the list in the order of data-sort.
function put(list, element) {
  const present = document.getElementById(element.id);
  if (present?.dataset.sort === element.dataset.sort) {
    present.replaceWith(element);
    return;
  }
  present?.remove();
  const next = [...list.children].find((other) => other.dataset.sort > element.dataset.sort);
  list.insertBefore(element, next ?? null);
}

function putAlert(id, html) {
  if (html) {
    put(document.getElementById("alerts"), parse(html).firstElementChild);
    return;
  }
  const present = document.getElementById(`alert-${id}`);
  if (!present) return;
  const lasted = length(now() - Date.parse(present.querySelector("[data-running]").dataset.running));
  ended.unshift({ text: `${clock(now())} – ${present.dataset.title}`, lasted });
  ended.length = Math.min(ended.length, MOST_ENDED);
  say("say-quiet", `Đã hết: ${present.dataset.title}`);
  present.remove();
}

function afterChange() {
  const alerts = [...document.querySelectorAll("#alerts > .alert")];
  document.getElementById("alerts-count").textContent = alerts.length > 0 ? String(alerts.length) : "";
  document.body.dataset.alerts = alerts.length > 0 ? "some" : "none";
  const fresh = look(alerts.filter((card) => card.dataset.loud === "1"));
  for (const card of fresh) card.classList.add("fresh");
  if (fresh.length > 0) say("say-loud", `Sự cố mới: ${fresh.map((card) => card.dataset.said).join(" ")}`);
  showEnded();
  summarize();
}

function showEnded() {
  document.getElementById("ended").hidden = ended.length === 0;
  document.getElementById("ended-list").replaceChildren(...ended.map((one) => {
    const line = document.createElement("li");
    line.textContent = `${one.text}, kéo dài ${one.lasted}`;
    return line;
  }));
}

function summarize() {
  const tiles = [...document.querySelectorAll("#wall > .tile")];
  const counts = Object.entries(tones)
    .map(([tone, word]) => [tiles.filter((tile) => tile.dataset.tone === tone).length, word])
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`);
  document.getElementById("summary").textContent = [`${tiles.length} điểm cầu`, ...counts].join(" · ");
}

function say(id, text) {
  document.getElementById(id).textContent = text;
}

async function acknowledge(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded", "X-Requested-By": "board" },
    body: new URLSearchParams({ by: document.getElementById("operator").value }),
  }).catch(() => null);
  if (answer?.ok) return;
  button.disabled = false;
  button.textContent = "Chưa nhận được – thử lại";
  say("say-loud", "Chưa nhận được sự cố, hãy thử lại");
}

function newestWaiting() {
  const waiting = [...document.querySelectorAll('#alerts > .alert[data-state="open"]')];
  waiting.sort((one, other) => Date.parse(other.dataset.openedAt) - Date.parse(one.dataset.openedAt));
  return waiting[0]?.querySelector("form.ack");
}

function onKey(event) {
  if (!document.getElementById("keys").checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.matches("input:not([type=checkbox]), textarea, select")) return;
  if (event.key.toLowerCase() === "a") {
    const form = newestWaiting();
    if (form) acknowledge(form);
  } else if (event.key.toLowerCase() === "s") {
    toggleSound();
  }
}

function keep(id, property) {
  const input = document.getElementById(id);
  try {
    const kept = localStorage.getItem(id);
    if (kept !== null) input[property] = property === "checked" ? kept === "true" : kept;
    input.addEventListener("change", () => localStorage.setItem(id, String(input[property])));
  } catch { /* a browser without storage forgets, nothing more */ }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.ack")) return;
  event.preventDefault();
  acknowledge(event.target);
});
document.addEventListener("keydown", onKey);
document.getElementById("sound").addEventListener("click", toggleSound);
keep("operator", "value");
keep("keys", "checked");
armAgainOnFirstTouch();
listen(document.getElementById("board").dataset.events, onMessage);
