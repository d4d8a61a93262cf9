"""What can be measured of how the pages look: contrast, no sideways scrolling, a name for everything that can be pressed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from contract.findings import Finding, Severity, State
from control_center.incidents.model import IncidentState
from control_center.live import LinkLight

pytestmark = pytest.mark.timeout(240)
# WCAG 2.1, 1.4.3: relative luminance of each visible text and of the nearest opaque background behind it.
_FAINT = """
() => {
  const channel = (value) => { const s = value / 255; return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; };
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([red, green, blue]) => 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!own || !element.checkVisibility({ visibilityProperty: true }) || element.closest(".unseen, .skip")) continue;
    const style = getComputedStyle(element);
    const [one, other] = [luminance(parse(style.color)), luminance(behind(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const what = `${element.className || element.tagName} "${element.textContent.trim().slice(0, 40)}"`;
    if (ratio < (large ? 3 : 4.5)) faint.push(`${what}: ${ratio.toFixed(2)}`);
  }
  return faint;
}
"""
_NAMELESS = """
() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), iframe")]
  .filter((one) => !(one.textContent.trim() || one.title || one.getAttribute("aria-label") || one.labels?.length))
  .map((one) => one.outerHTML)
"""


def _trouble(hall: Any) -> None:
    """One of everything on the wall."""
    hall.meet()
    found = Finding(code="agent.outbox_full", severity=Severity.WARNING, component="agent", figure=9000, limit=8000)
    hall.tell_site(
        "so-tttt", components={"agent": hall.component("agent", State.WARNING, found), "camera": hall.component("camera", State.FAULT)}
    )
    hall.tell_site(
        "hoai-nhon", link=LinkLight.DOWN, link_since=hall.now(), components={"camera": hall.component("camera", age_s=99, valid_for_s=1)}
    )
    hall.tell_site("an-lao", link=LinkLight.SUSPECT, link_since=hall.now())
    hall.tell_incident(hall.incident("hoai-nhon"))
    hall.tell_incident(hall.incident("an-lao", "microphone.howling", severity=Severity.WARNING))
    hall.tell_incident(hall.incident("an-lao", "camera.black", state=IncidentState.ACKNOWLEDGED, acknowledged_by="Trần Văn A"))
    hall.tell_incident(hall.incident("an-lao", state=IncidentState.SUSPECTED, opened_at=None))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 390])
def test_pages_can_be_read_and_operated(open_page: Callable[..., Page], hall: Any, scheme: str, width: int) -> None:
    _trouble(hall)
    for address in ("/", "/site/hoai-nhon", "/incidents", "/meetings"):
        page = open_page(address, viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce")
        if address in ("/", "/site/hoai-nhon"):
            page.wait_for_selector("body[data-stream=open]")
        assert page.evaluate(_FAINT) == [], address
        assert page.evaluate(_NAMELESS) == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        assert page.evaluate("[document.documentElement.lang, document.querySelectorAll('h1').length]") == ["vi", 1], address


def test_colour_never_stands_alone(open_page: Callable[..., Page], hall: Any) -> None:
    """Each element with a tone says it in words too, on a crowded wall as well."""
    _trouble(hall)
    page = open_page()
    page.wait_for_selector("body[data-stream=open]")
    for density in ("ease", "full", "dense"):
        page.evaluate("density => { document.getElementById('wall').dataset.density = density; }", density)
        wordless = page.evaluate("[...document.querySelectorAll('#wall [data-tone]')].filter((one) => !one.textContent.trim()).length")
        assert wordless == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
