from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from contract.findings import Severity
from control_center.incidents.model import Incident, IncidentState
from control_center.notify import notices
from control_center.notify.notices import Notice
from control_center.notify.sender import Notifier, through_apprise
from control_center.store.registry import Contact, ContactRole

T = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
OPEN = Incident(
    id="i",
    site="a",
    code="agent.stale",
    component="agent",
    severity=Severity.WARNING,
    state=IncidentState.OPEN,
    began_at=T,
    opened_at=T,
    figure=1.1,
    limit=1.0,
    unit="s",
)
CLOSED = msgspec.structs.replace(OPEN, state=IncidentState.CLOSED, ended_at=T + timedelta(seconds=9.5))


@pytest.mark.req("R7")
def test_a_notice_names_site_fault_time_and_whom_to_phone() -> None:
    title, body = notices.notice(OPEN, "Thị xã Hoài Nhơn", [Contact(role=ContactRole.SITE, name="Lan", phone="0901")])
    assert title == "[SỰ CỐ] Thị xã Hoài Nhơn: Máy giám sát im lặng"
    assert "08:00:00 ngày 24/11/2026" in body
    assert "Liên hệ: Lan 0901" in body
    assert "1,1\u00a0s" in body
    over = notices.notice(CLOSED, "Thị xã Hoài Nhơn", [])
    assert over.title.startswith("[ĐÃ HẾT]")
    assert "sau 9,5 giây" in over.body


def told(incidents: list[Incident], least: Severity = Severity.WARNING) -> list[str]:
    sent: list[str] = []

    def send(notice: Notice) -> bool:
        sent.append(notice.title)
        return True

    notifier = Notifier(send, lambda one: Notice(f"{one.id} {one.state}", ""), least)
    notifier.start()
    for incident in incidents:
        notifier.take(incident)
    notifier.stop()
    return sent


def test_opening_and_closing_are_told_once_each() -> None:
    suspected = msgspec.structs.replace(OPEN, state=IncidentState.SUSPECTED, opened_at=None)
    acknowledged = msgspec.structs.replace(OPEN, state=IncidentState.ACKNOWLEDGED)
    assert told([suspected, OPEN, OPEN, acknowledged, CLOSED, CLOSED, OPEN, CLOSED]) == ["i open", "i closed"]


def test_what_was_never_told_is_not_told_to_be_over_and_what_weighs_too_little_is_not_told() -> None:
    assert told([CLOSED]) == []
    assert told([OPEN, CLOSED], Severity.CRITICAL) == []


def test_a_sender_that_breaks_does_not_end_the_notices() -> None:
    second = threading.Event()

    def send(notice: Notice) -> bool:
        if notice.title == "i open":
            raise OSError("no mail")
        second.set()
        return True

    notifier = Notifier(send, lambda one: Notice(f"{one.id} {one.state}", ""))
    notifier.start()
    notifier.take(OPEN)
    notifier.take(CLOSED)
    notifier.stop()
    assert second.is_set()
    assert notifier.failed == 1


@pytest.mark.req("R9")
def test_an_address_that_is_none_is_refused_without_its_secret() -> None:
    with pytest.raises(ValueError, match="address 1 is none") as refused:
        through_apprise(["nonsense-secret"])
    assert "secret" not in str(refused.value)
