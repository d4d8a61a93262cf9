"""A real browser before the live board, which notes in the page itself when each alert became visible."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
# Notes the first moment at which an element with this incident in this state was in the document and painted:
# performance.timeOrigin + now() is the page's own clock, the machine's, so it can be held against the moment of the cut.
_WITNESS = """
window.seen = {};
const note = (element) => {
  const key = [element.dataset.incidentId, element.dataset.site, element.dataset.code, element.dataset.state].join('|');
  if (element.dataset.incidentId && !(key in window.seen)) {
    window.seen[key] = null;
    requestAnimationFrame(() => { window.seen[key] = performance.timeOrigin + performance.now(); });
  }
};
const look = () => document.querySelectorAll('[data-incident-id]').forEach(note);
document.addEventListener('DOMContentLoaded', () => {
  look();
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true, attributes: true});
});
"""


class Sighting(NamedTuple):
    """An incident in a state, and when the page showed it (seconds since the epoch)."""

    incident: str
    site: str
    code: str
    state: str
    at: float


def executable() -> str | None:
    """A Chromium of this machine, None if there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class BoardWatcher:
    """Headless Chromium on one page."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._playwright: Playwright
        self._browser: Browser
        self.page: Page

    def open(self) -> None:
        """Start the browser and load the page."""
        self._profile = tempfile.TemporaryDirectory(prefix="diemcau-browser-", ignore_cleanup_errors=True)
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=executable(), args=list(_QUIET), timeout=60_000)
        self.page = self._browser.new_page(viewport={"width": 1366, "height": 768}, locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh")
        self.page.add_init_script(_WITNESS)
        self.page.goto(self._url, wait_until="load", timeout=60_000)

    def close(self) -> None:
        """Close the browser."""
        self._browser.close()
        self._playwright.stop()
        self._profile.cleanup()

    def sightings(self) -> list[Sighting]:
        """All that the page has shown so far."""
        seen: dict[str, float | None] = self.page.evaluate("window.seen")
        found = []
        for key, at_ms in seen.items():
            incident, site, code, state = key.split("|")
            if at_ms is not None:
                found.append(Sighting(incident, site, code, state, at_ms / 1000))
        return found

    def wait_for(self, site: str, codes: tuple[str, ...], states: tuple[str, ...], since: float, timeout_s: float) -> Sighting | None:
        """The first sighting of such an incident after `since`, None if it does not come in time."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            for sighting in self.sightings():
                if sighting.site == site and sighting.code in codes and sighting.state in states and sighting.at >= since:
                    return sighting
            self.page.wait_for_timeout(50)
        return None

    def picture(self, path: Path) -> Path:
        """Picture of the page as it is now."""
        self.page.screenshot(path=path)
        return path
