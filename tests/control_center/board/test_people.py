"""At least two trained people a site: who they are, and where they are too few."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from control_center.sites.staffing import staff
from control_center.store import registry
from control_center.store.registry import Contact, ContactRole, Site

pytestmark = pytest.mark.req("R12")

SITES = [Site(id="a", name="A", ssid=1), Site(id="b", name="B", ssid=2), Site(id="c", name="C", ssid=3)]


def person(name: str, site: str, role: ContactRole = ContactRole.SITE) -> Contact:
    return Contact(role=role, name=name, phone="0901", site=site)


def test_sites_with_too_few_people_come_first_and_nobody_counts_twice() -> None:
    contacts = [
        *(person("Lan", "b"), person("Hùng", "b"), person("lan", "a"), person("Lan", "a")),
        *(person("VNPT", "a", ContactRole.PROVIDER), person("Điện lực", "", ContactRole.POWER)),
    ]
    found = staff(SITES, contacts)
    assert [(one.site.id, one.too_few) for one in found] == [("a", True), ("c", True), ("b", False)]
    assert [one.name for one in found[0].others] == ["VNPT", "Điện lực"]
    assert found[1].people == ()


def test_the_page_says_where_people_are_missing(client: Any, engine: Engine) -> None:
    registry.save_sites(
        engine, [Site(id="hoai-nhon", name="Thị xã <b>Hoài Nhơn</b>", ssid=1), Site(id="an-lao", name="Huyện An Lão", ssid=2)]
    )
    registry.replace_contacts(engine, "an-lao", [person("Lan", "an-lao"), person("Hùng", "an-lao")])
    page = client.get("/people").text
    assert "▲ 1 điểm cầu có ít hơn 2 cán bộ kỹ thuật" in page
    assert "thiếu 2 người" in page
    assert "<b>Hoài" not in page
    assert page.index("Hoài Nhơn") < page.index("An Lão")
