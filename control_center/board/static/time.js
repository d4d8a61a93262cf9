// The center's time and what follows from it: ages, running lengths, time left. The browser's own clock is never asked,
// because it may be wrong; only its monotonic one is.

let toldAt = 0;
let heardAt = 0;

export function setNow(iso) {
  toldAt = Date.parse(iso);
  heardAt = performance.now();
}

export function now() {
  return heardAt === 0 ? null : toldAt + (performance.now() - heardAt);
}

const clockFormat = new Intl.DateTimeFormat("vi-VN", {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: "Asia/Ho_Chi_Minh",
});

export function clock(milliseconds) {
  return clockFormat.format(milliseconds);
}

export function length(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return two(minutes, "phút", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return two(hours, "giờ", minutes % 60, "phút");
  return two(Math.floor(hours / 24), "ngày", hours % 24, "giờ");
}

function two(many, unit, few, part) {
  return few === 0 ? `${many} ${unit}` : `${many} ${unit} ${few} ${part}`;
}

// Bring every time on the page up to now. A component whose verdict is older than it may be says so by itself.
export function tick(root = document) {
  const at = now();
  if (at === null) return;
  for (const element of root.querySelectorAll("[data-age]")) {
    const age = at - Date.parse(element.dataset.age);
    setText(element, `${element.dataset.before ?? ""}${length(age)} trước`);
    const valid = element.dataset.validS;
    if (valid !== undefined) element.closest(".component")?.classList.toggle("stale", age > Number(valid) * 1000);
  }
  for (const element of root.querySelectorAll("[data-running]")) setText(element, length(at - Date.parse(element.dataset.running)));
  for (const element of root.querySelectorAll("[data-until]")) setText(element, length(Date.parse(element.dataset.until) - at));
  for (const tile of root.querySelectorAll(".tile")) tile.classList.toggle("has-stale", tile.querySelector(".component.stale") !== null);
  const shown = document.getElementById("clock");
  if (shown) setText(shown, clock(at));
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
