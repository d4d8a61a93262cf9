"""An alarm that nobody has acknowledged is told to others, once; one that somebody has seen is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from contract.findings import Severity
from control_center.incidents.model import Incident, IncidentState
from control_center.notify import notices
from control_center.notify.escalation import Escalation, unseen
from control_center.notify.notices import Notice
from control_center.notify.sender import Notifier
from tests.control_center.notify.test_notify import OPEN, T

pytestmark = pytest.mark.req("R54")

ALARM = msgspec.structs.replace(OPEN, severity=Severity.CRITICAL)
AFTER = timedelta(minutes=2)


@pytest.mark.parametrize(
    ("change", "seconds", "told"),
    [
        ({}, 119, False),
        ({}, 120, True),
        ({"state": IncidentState.ACKNOWLEDGED, "acknowledged_by": "Lan"}, 999, False),
        ({"state": IncidentState.CLOSED, "ended_at": T}, 999, False),
        ({"severity": Severity.WARNING}, 999, False),
        ({"maintenance": "thay camera"}, 999, False),
        ({"state": IncidentState.SUSPECTED, "opened_at": None}, 999, False),
    ],
)
def test_only_a_critical_alarm_that_waits_for_somebody_is_unseen(change: dict[str, Any], seconds: float, told: bool) -> None:
    assert unseen(msgspec.structs.replace(ALARM, **change), T + timedelta(seconds=seconds), AFTER) is told


def test_it_is_told_once_and_so_is_its_end_and_one_that_was_seen_in_time_never() -> None:
    sent: list[str] = []

    def send(notice: Notice) -> bool:
        sent.append(notice.title)
        return True

    second = Notifier(send, lambda one: notices.notice(one, one.site, [], unseen=True))
    second.start()
    lasting: list[Incident] = [ALARM, msgspec.structs.replace(ALARM, id="j", site="b")]
    now = [T]
    escalation = Escalation(lambda: lasting, second.take, lambda: now[0], AFTER)
    for seconds in (0, 60):
        now[0] = T + timedelta(seconds=seconds)
        escalation.look()
    lasting[1] = msgspec.structs.replace(lasting[1], state=IncidentState.ACKNOWLEDGED, acknowledged_by="Lan")
    for seconds in (121, 122, 500):
        now[0] = T + timedelta(seconds=seconds)
        escalation.look()
    for incident in lasting:
        escalation.note(msgspec.structs.replace(incident, state=IncidentState.CLOSED, ended_at=now[0]))
    second.stop()
    assert sent == ["[CHƯA AI TIẾP NHẬN] a: Máy giám sát im lặng", "[ĐÃ HẾT] a: Máy giám sát im lặng"]
