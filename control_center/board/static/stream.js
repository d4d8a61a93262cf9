// The stream of events: opened, watched, opened again. A page that hears nothing for three seconds says that it is old.

import { clock, now, setNow, tick } from "./time.js";

const SILENT_MS = 3000;
const REOPEN_MS = 6000;

export function listen(address, onMessage) {
  let source = null;
  let heardAt = performance.now();
  let openedAt = 0;
  let lostSince = null;

  function open() {
    source?.close();
    openedAt = performance.now();
    source = new EventSource(address);
    source.onmessage = (event) => {
      const message = JSON.parse(event.data);
      heardAt = performance.now();
      setNow(message.now);
      if (lostSince !== null || document.body.dataset.stream !== "open") show("open");
      onMessage(message);
      tick();
    };
  }

  function show(state) {
    document.body.dataset.stream = state;
    const lost = state === "lost";
    if (lost && lostSince === null) lostSince = now();
    if (!lost) lostSince = null;
    document.getElementById("lost").hidden = !lost;
    document.getElementById("stream-word").textContent = lost ? "Mất liên lạc" : "Trực tiếp";
    document.getElementById("lost-since").textContent = lost && lostSince !== null ? `từ ${clock(lostSince)}` : "";
  }

  open();
  setInterval(() => {
    const silent = performance.now() - heardAt;
    if (silent > SILENT_MS && document.body.dataset.stream !== "lost") show("lost");
    // EventSource gives up for good on an HTTP error, and a dead connection may hang: then it is opened anew.
    if (silent > REOPEN_MS && performance.now() - openedAt > REOPEN_MS) open();
    tick();
  }, 500);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) open();
  });
}

// HTML of the server's own autoescaping templates, inert until it is put into the page.
export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

// Change a part of the page without taking the keyboard's place away from whoever is there.
export function keepingFocus(change) {
  const key = document.activeElement?.dataset?.focus;
  change();
  if (key && !document.activeElement?.dataset?.focus) document.querySelector(`[data-focus="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

export function replaceParts(parts) {
  keepingFocus(() => {
    for (const [id, html] of Object.entries(parts)) document.getElementById(id)?.replaceChildren(parse(html));
  });
}
