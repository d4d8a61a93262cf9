"""Whether an agent counts as healthy, and the one sentence why not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contract.messages import Heartbeat, Presence, Status
from control_center.board.health import health, shortcoming
from control_center.live import SiteLive

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def site(
    *, state: Presence = Presence.READY, age_s: float = 1.0, uptime_s: float = 60.0, period_s: float = 15.0, boot: str = "b2"
) -> SiteLive:
    at = NOW - timedelta(seconds=age_s)
    return SiteLive(
        site="an-nhon",
        name="Thị xã An Nhơn",
        status=Status(boot="b2", state=state, at=NOW - timedelta(days=400), version="0.1.0"),
        heartbeat=Heartbeat(boot=boot, at=at, uptime_s=uptime_s, period_s=period_s),
        heartbeat_at=at,
    )


def why(live: SiteLive, **wanted: Any) -> str:
    return shortcoming(health(live, NOW), **wanted)


@pytest.mark.parametrize(
    ("live", "wanted", "words"),
    [
        (SiteLive(site="an-nhon", name=""), {}, "has not connected to the broker"),
        (site(state=Presence.INIT), {}, "not ready yet"),
        (site(state=Presence.DISCONNECTED), {}, "has been stopped"),
        (site(state=Presence.LOST), {}, "lost its connection"),
        (site(), {"version": "0.2.0"}, "is of version 0.1.0, wanted is 0.2.0"),
        (site(boot="b1"), {}, "no heartbeat of this start"),
        (site(age_s=46), {}, "last heartbeat is 46 s old, 45 s at most"),
        (site(age_s=6, period_s=1.5), {}, "last heartbeat is 6 s old, 5 s at most"),
        (site(uptime_s=60), {"since": NOW - timedelta(seconds=30)}, "not restarted since"),
    ],
)
def test_what_is_not_well_is_said_in_one_sentence(live: SiteLive, wanted: dict[str, Any], words: str) -> None:
    assert words in why(live, **wanted)


@pytest.mark.parametrize("wanted", [{}, {"version": "0.1.0"}, {"since": NOW - timedelta(seconds=120)}])
@pytest.mark.parametrize("live", [site(), site(age_s=44), site(age_s=4, period_s=1.5)], ids=["now", "idle", "in a meeting"])
def test_a_heartbeat_is_fresh_for_as_long_as_the_agent_promised(live: SiteLive, wanted: dict[str, Any]) -> None:
    """The clock of the site, here more than a year slow, does not matter."""
    assert why(live, **wanted) == ""


def test_a_center_that_has_just_started_does_not_take_an_old_agent_for_a_new_one() -> None:
    told = health(site(uptime_s=86400.0), NOW)
    assert told.born_at == NOW - timedelta(seconds=86401)
