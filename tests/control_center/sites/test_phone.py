"""One rule whom to phone, followed by the board and by the notices alike."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contract.findings import Severity
from control_center.board import alerts
from control_center.incidents.model import Incident, IncidentState, Place
from control_center.notify import notices
from control_center.sites.phone import whom_to_phone
from control_center.store.registry import Contact, ContactRole

T = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
EVERYBODY = [Contact(role=role, name=f"Người {role.value}", phone="1") for role in ContactRole]
FAULTS = [
    ("link.down", Place.TSLCD, ["provider", "site"]),
    ("link.down", Place.SITE_LAN, ["site", "provider"]),
    ("cables.on_battery", Place.UNKNOWN, ["site", "power"]),
    ("cables.battery_low", Place.UNKNOWN, ["site", "power"]),
    ("camera.black", Place.UNKNOWN, ["site"]),
]


def incident(code: str, place: Place = Place.UNKNOWN) -> Incident:
    return Incident(
        id="i",
        site="a",
        code=code,
        component=code.partition(".")[0],
        severity=Severity.CRITICAL,
        state=IncidentState.OPEN,
        began_at=T,
        opened_at=T,
        place=place,
    )


@pytest.mark.parametrize(("code", "place", "duties"), FAULTS)
@pytest.mark.req("R7")
def test_whom_to_phone_follows_from_the_fault(code: str, place: Place, duties: list[str]) -> None:
    assert [one.role for one in whom_to_phone(incident(code, place), EVERYBODY, lambda one: one.role)] == duties


@pytest.mark.req("R7")
def test_the_center_is_phoned_where_nobody_else_is_known_and_only_there() -> None:
    others = [one for one in EVERYBODY if one.role in (ContactRole.CENTER, ContactRole.PROVIDER)]
    assert [one.role for one in whom_to_phone(incident("camera.black"), others, lambda one: one.role)] == ["center"]
    assert whom_to_phone(incident("camera.black"), [], lambda one: one.role) == ()


@pytest.mark.parametrize(("code", "place", "duties"), FAULTS)
@pytest.mark.req("R7")
def test_a_notice_names_whom_the_board_names_in_the_same_order(code: str, place: Place, duties: list[str]) -> None:
    board = [alerts.Contact(name=one.name, phone=one.phone, duty=one.role.value) for one in EVERYBODY]
    on_board = [one.name for one in alerts.incident_view(incident(code, place), "A", board).contacts]
    body = notices.notice(incident(code, place), "A", EVERYBODY).body
    assert [line.removeprefix("Liên hệ: ").removesuffix(" 1") for line in body.splitlines() if line.startswith("Liên hệ")] == on_board
    assert on_board == [f"Người {duty}" for duty in duties]
