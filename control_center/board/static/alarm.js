// What a person in the room notices: sound (once somebody has armed it, as browsers demand), and the blinking title.

const REPEAT_MS = 10000;
const plainTitle = document.title;
let context = null;
let armed = false;
let loud = new Map();
let known = null;
let soundedAt = 0;

export function armSound(on) {
  armed = on;
  if (on) {
    context ??= new AudioContext();
    context.resume();
    beep(false);
  }
  const button = document.getElementById("sound");
  button.setAttribute("aria-pressed", String(on));
  document.getElementById("sound-word").textContent = on ? "Âm thanh: bật" : "Bật âm thanh";
  remember(on);
}

export function toggleSound() {
  armSound(!armed);
}

function remember(on) {
  try {
    localStorage.setItem("sound", on ? "on" : "off");
  } catch { /* a browser without storage forgets, nothing more */ }
}

// Whoever armed it before need not find the button again: the first touch of the page does.
export function armAgainOnFirstTouch() {
  let wanted = false;
  try {
    wanted = localStorage.getItem("sound") === "on";
  } catch { /* as above */ }
  if (!wanted) return;
  const arm = (event) => {
    if (!armed && event.target?.closest?.("#sound") === null) armSound(true);
  };
  addEventListener("pointerdown", arm, { once: true, capture: true });
}

function tone(at, hertz, seconds, volume) {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.frequency.value = hertz;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(volume, at + 0.01);
  gain.gain.setValueAtTime(volume, at + seconds - 0.02);
  gain.gain.linearRampToValueAtTime(0, at + seconds);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + seconds);
}

function beep(critical) {
  if (!armed || !context) return;
  const at = context.currentTime + 0.02;
  if (!critical) {
    tone(at, 660, 0.15, 0.15);
    return;
  }
  for (let time = 0; time < 3; time += 1) {
    tone(at + time * 0.5, 880, 0.2, 0.35);
    tone(at + time * 0.5 + 0.22, 660, 0.2, 0.35);
  }
}

// Look at the alert cards that are loud now; returns those that were not there before.
export function look(cards) {
  const fresh = known === null ? [] : cards.filter((card) => !known.has(card.dataset.incidentId));
  loud = new Map(cards.map((card) => [card.dataset.incidentId, card]));
  known = new Set([...(known ?? []), ...loud.keys()]);
  if (fresh.length > 0) sound(fresh.some((card) => card.dataset.severity === "critical"));
  title();
  return fresh;
}

function sound(critical) {
  soundedAt = performance.now();
  beep(critical);
}

function title() {
  if (loud.size === 0) {
    document.title = plainTitle;
    return;
  }
  const [first] = loud.values();
  const text = `⚠ ${loud.size > 1 ? `(${loud.size}) ` : ""}${first.dataset.title}`;
  const blink = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.title = blink && Math.floor(performance.now() / 1000) % 2 ? plainTitle : text;
}

// The title blinks, and a critical alert that nobody has taken sounds again.
setInterval(() => {
  title();
  const waiting = [...loud.values()].some((card) => card.dataset.severity === "critical");
  if (waiting && performance.now() - soundedAt > REPEAT_MS) sound(true);
}, 1000);
