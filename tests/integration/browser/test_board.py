"""The board in a real browser: what an operator sees, hears and presses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page, expect

from contract.findings import Finding, Severity, State
from contract.messages import Rollup
from control_center.incidents.model import IncidentState, Place
from control_center.live import LinkLight
from control_center.store import incidents as incident_store

expect.set_options(timeout=30_000)
pytestmark = pytest.mark.timeout(240)
EVIL = "<img src=x onerror='window.pwned=1'><script>window.pwned=1</script>\"&"


def tiles(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all("#wall > .tile", "tiles => tiles.map(tile => tile.dataset.site)")
    return found


def until(page: Page, condition: str, argument: object = None) -> None:
    """Wait for a condition in the page; playwright's own way of it needs eval, which the page's policy forbids."""
    for _ in range(600):
        if page.evaluate(condition, argument):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{condition} did not come true")


@pytest.mark.req("R33", "R2")
def test_wall_shows_the_sites_of_the_meeting_with_words_for_each_state(wall: Page, hall: Any) -> None:
    hall.meet()
    expect(wall.locator(".head .phase")).to_have_text("Đang họp")
    assert tiles(wall) == ["so-tttt", "an-lao", "hoai-nhon"]
    main = wall.locator("#site-so-tttt")
    expect(main.locator(".role")).to_have_text("Điểm cầu chính")
    expect(main.locator(".link strong")).to_have_text("Bình thường")
    expect(main.locator(".component .word").first).to_have_text("Bình thường")
    expect(main.locator(".component .age").first).to_contain_text("trước")
    expect(wall.locator(".head .left time")).to_contain_text("1 giờ")


@pytest.mark.req("R36")
def test_suspicion_is_quiet_and_passes(wall: Page, hall: Any) -> None:
    wall.click("#sound")
    tones = wall.evaluate("window.tones")
    suspected = hall.incident(state=IncidentState.SUSPECTED, opened_at=None)
    hall.tell_incident(suspected)
    hall.tell_site("hoai-nhon", link=LinkLight.SUSPECT, link_since=hall.now())
    strip = wall.locator("#site-hoai-nhon [data-incident-id]")
    expect(strip).to_have_count(1)
    expect(strip).to_contain_text("Nghi ngờ mất kết nối")
    assert strip.evaluate("({dataset: d}) => [d.incidentId, d.code, d.state, d.site]") == [
        suspected.id,
        "link.down",
        "suspected",
        "hoai-nhon",
    ]
    assert tiles(wall)[0] == "hoai-nhon"
    hall.tell_incident(msgspec.structs.replace(suspected, state=IncidentState.CLOSED, ended_at=hall.now()))
    hall.tell_site("hoai-nhon", link=LinkLight.UP)
    expect(wall.locator("[data-incident-id]")).to_have_count(0)
    assert wall.evaluate("window.tones") == tones
    assert "⚠" not in wall.title()
    expect(wall.locator("#ended")).to_be_hidden()


@pytest.mark.req("R33", "R34", "R36")
def test_incident_appears_without_reload_is_taken_by_key_and_closes(wall: Page, hall: Any) -> None:
    wall.evaluate("window.sameDocument = true")
    wall.fill("#operator", "Trần Văn A")
    wall.click("#sound")
    tones = wall.evaluate("window.tones")
    incident = hall.incident(place=Place.TSLCD, began_at=hall.now() - timedelta(seconds=75))
    incident_store.save(hall.engine, [incident], hall.now())
    hall.tell_site("hoai-nhon", link=LinkLight.DOWN, link_since=hall.now())
    hall.tell_incident(incident)

    card = wall.locator(f'.alert[data-incident-id="{incident.id}"]')
    expect(card).to_have_attribute("data-state", "open")
    expect(card).to_contain_text("mạng truyền số liệu chuyên dùng")
    expect(card.locator(".running time")).to_contain_text("1 phút")
    expect(wall.locator("#site-hoai-nhon .link strong")).to_have_text("MẤT KẾT NỐI")
    assert tiles(wall)[0] == "hoai-nhon"
    expect(wall.locator("#say-loud")).to_contain_text("Thị xã Hoài Nhơn")
    until(wall, "before => window.tones > before", tones)
    until(wall, "() => document.title.startsWith('⚠')")

    wall.locator("#operator").blur()
    wall.keyboard.press("a")
    expect(card).to_have_attribute("data-state", "acknowledged")
    expect(card.locator(".acked")).to_contain_text("Đã nhận: Trần Văn A")
    until(wall, "() => !document.title.includes('⚠')")
    stored = incident_store.incident(hall.engine, incident.id)
    assert stored is not None
    assert (stored.state, stored.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "Trần Văn A")

    hall.tell_site("hoai-nhon", link=LinkLight.UP)
    hall.tell_incident(msgspec.structs.replace(incident, state=IncidentState.CLOSED, ended_at=hall.now()))
    expect(card).to_have_count(0)
    expect(wall.locator(".calm")).to_be_visible()
    expect(wall.locator("#ended-list li")).to_contain_text("Thị xã Hoài Nhơn, kéo dài 1 phút")
    expect(wall.locator("#say-quiet")).to_contain_text("Đã hết")
    assert wall.evaluate("window.sameDocument") is True


def test_warning_sounds_once_and_an_advisory_not_at_all(wall: Page, hall: Any) -> None:
    wall.click("#sound")
    until(wall, "() => window.tones === 1")
    hall.tell_incident(hall.incident("an-lao", "camera.dirty", severity=Severity.INFO))
    expect(wall.locator(".alert")).to_have_count(1)
    assert "⚠" not in wall.title()
    hall.tell_incident(hall.incident("an-lao", "camera.black", severity=Severity.WARNING))
    expect(wall.locator(".alert")).to_have_count(2)
    hall.tell_incident(hall.incident("an-lao", "camera.black", severity=Severity.WARNING, times=2))
    expect(wall.locator(".alert").first).to_contain_text("2 lần")
    assert wall.evaluate("window.tones") == 2
    until(wall, "() => document.title.startsWith('⚠')")


def test_acknowledging_works_with_the_keyboard_alone_and_keeps_its_place(wall: Page, hall: Any) -> None:
    hall.tell_incident(hall.incident())
    button = wall.locator(".alert .ack button")
    button.focus()
    hall.tell_incident(hall.incident(times=2))
    expect(wall.locator(".alert")).to_contain_text("2 lần")
    assert wall.evaluate("document.activeElement.textContent") == "Đã nhận"
    wall.keyboard.press("Enter")
    expect(wall.locator(".alert")).to_have_attribute("data-state", "acknowledged")


def test_key_takes_the_newest_and_does_nothing_while_somebody_writes_or_has_switched_it_off(wall: Page, hall: Any) -> None:
    hall.tell_incident(hall.incident("an-lao", opened_at=hall.now() - timedelta(seconds=60)))
    hall.tell_incident(hall.incident("hoai-nhon"))
    expect(wall.locator(".alert")).to_have_count(2)
    wall.locator("#operator").press("a")
    expect(wall.locator("#operator")).to_have_value("a")
    wall.uncheck("#keys")
    wall.keyboard.press("a")
    wall.check("#keys")
    expect(wall.locator('.alert[data-state="open"]')).to_have_count(2)
    wall.keyboard.press("a")
    expect(wall.locator('.alert[data-site="hoai-nhon"]')).to_have_attribute("data-state", "acknowledged")
    expect(wall.locator('.alert[data-site="an-lao"]')).to_have_attribute("data-state", "open")


@pytest.mark.req("R9")
def test_script_in_any_field_that_a_site_may_write_stays_text(wall: Page, open_page: Callable[..., Page], hall: Any) -> None:
    found = Finding(code="agent.probe_crashed", severity=Severity.WARNING, component="agent", target=EVIL, details={"error": EVIL})
    incident = hall.incident(code=EVIL, id=f"hoai-nhon-{EVIL}", unit=EVIL, figure=1.0, target=EVIL, acknowledged_by=EVIL)
    hall.tell_site(
        "hoai-nhon",
        name=EVIL,
        components={EVIL: hall.component(EVIL, State.WARNING, found)},
        latest={EVIL: Rollup(metric=EVIL, unit=EVIL, count=1, target=EVIL, p50=1.0)},
    )
    hall.tell_incident(incident)
    expect(wall.locator("#site-hoai-nhon h3")).to_have_text(EVIL)
    expect(wall.locator(".alert .where")).to_have_text(EVIL)
    expect(wall.locator("#site-hoai-nhon .component .label").last).to_have_text(EVIL)
    hall.tell_incident(msgspec.structs.replace(incident, state=IncidentState.CLOSED, ended_at=hall.now()))
    expect(wall.locator("#ended-list li")).to_contain_text("<script>")
    site = open_page("/site/hoai-nhon")
    site.wait_for_selector("body[data-stream=open]")
    for page in (wall, site):
        assert page.evaluate("[window.pwned, document.querySelectorAll('img').length, document.querySelectorAll('script').length]") == [
            None,
            0,
            1,
        ]


@pytest.mark.req("R4")
def test_value_grows_old_by_itself(wall: Page, hall: Any) -> None:
    hall.tell_site("an-lao", components={"camera": hall.component("camera", age_s=1, valid_for_s=3)})
    camera = wall.locator('#site-an-lao [data-component="camera"]')
    expect(camera.locator(".word")).to_be_visible()
    expect(camera.locator(".old")).to_be_visible()
    expect(camera.locator(".old")).to_have_text("CŨ")
    expect(camera.locator(".word")).to_be_hidden()
    hall.tell_site("an-lao", components={"camera": hall.component("camera")})
    expect(camera.locator(".old")).to_be_hidden()


@pytest.mark.req("R33")
def test_page_says_that_it_is_old_when_the_center_is_gone_and_catches_up_when_it_is_back(wall: Page, hall: Any) -> None:
    wall.click("#sound")
    hall.close()
    expect(wall.locator("#lost")).to_be_visible()
    expect(wall.locator("#lost")).to_contain_text("Mất liên lạc với máy chủ — số liệu cũ")
    hall.live.tell_incident(hall.incident())
    tones = wall.evaluate("window.tones")
    hall.open()
    expect(wall.locator(".alert")).to_have_count(1)
    expect(wall.locator("#lost")).to_be_hidden()
    until(wall, "before => window.tones > before", tones)


def test_closed_page_leaves_nothing_behind(open_page: Callable[..., Page], hall: Any) -> None:
    page = open_page()
    page.wait_for_selector("body[data-stream=open]")
    assert hall.listeners() == 1
    page.close()
    waiting = open_page("/meetings")
    for _ in range(300):
        if hall.listeners() == 0:
            break
        waiting.wait_for_timeout(100)
    assert hall.listeners() == 0


def test_site_page_follows_the_site(open_page: Callable[..., Page], hall: Any) -> None:
    page = open_page("/site/hoai-nhon")
    page.wait_for_selector("body[data-stream=open]")
    found = Finding(code="agent.outbox_full", severity=Severity.WARNING, component="agent", figure=9000, limit=8000)
    hall.tell_site("hoai-nhon", components={"agent": hall.component("agent", State.WARNING, found)})
    expect(page.locator('[data-component="agent"]')).to_contain_text("giới hạn 8000")
    hall.tell_site("hoai-nhon", link=LinkLight.DOWN)
    expect(page.locator(".link.big")).to_contain_text("MẤT KẾT NỐI")
