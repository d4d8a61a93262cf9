"""`edge-agent throughput`: what is asked, what is refused, and how iperf3's words are read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from contract.meetings import Meeting, Participation, Plan, Role, Window
from contract.messages import Agenda
from contract.readings import Failure
from contract.toml_file import ConfigError
from edge_agent import keep
from edge_agent.agenda import FILE
from edge_agent.config import Configuration, decode
from edge_agent.throughput import command, request_of
from probes.link.throughput import Passage, ThroughputRequest, read, run

NOW = datetime.now(UTC)


def configured(directory: Path, **link: object) -> Configuration:
    document = {"site": {"id": "a", "name": "A"}, "state": {"directory": str(directory)}, "link": link}
    return decode(document, Path("agent.toml"))


def test_the_center_and_the_declared_capacity_are_what_is_measured_unless_the_command_says_otherwise(tmp_path: Path) -> None:
    site = configured(tmp_path, targets=["center=stamp:10.1.1.1:862"], capacity_mbps=8)
    assert request_of(site, host="", rate_mbps=None, lasts_s=5, port=5201) == ThroughputRequest(
        host="10.1.1.1", rate_mbps=8, lasts_s=5, least_ratio=0.9
    )
    assert request_of(site, host="10.2.2.2", rate_mbps=2, lasts_s=5, port=5202).host == "10.2.2.2"


@pytest.mark.parametrize(
    ("link", "key"), [({"capacity_mbps": 8}, "link.targets"), ({"targets": ["center=10.1.1.1"]}, "link.capacity_mbps")]
)
def test_what_is_not_declared_is_named(tmp_path: Path, link: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        request_of(configured(tmp_path, **link), host="", rate_mbps=None, lasts_s=5, port=5201)


def test_nothing_is_measured_in_a_meeting_or_right_before_one(tmp_path: Path) -> None:
    begins = (NOW - timedelta(minutes=10), NOW + timedelta(seconds=20), NOW + timedelta(hours=1), NOW + timedelta(hours=2))
    precheck, live, wrap_up = (Window(begins_at=first, ends_at=last) for first, last in pairwise(begins))
    plan = Plan(precheck=precheck, live=live, wrap_up=wrap_up)
    who = (Participation(site="a", role=Role.MAIN),)
    meeting = Meeting(id="m1", title="Giao ban", organizer="UBND", plan=plan, participations=who)
    keep.write_struct(tmp_path / FILE, Agenda(issued_at=NOW, meetings=(meeting,)))
    with pytest.raises(ConfigError, match="Giao ban"):
        command(configured(tmp_path), ThroughputRequest(host="127.0.0.1", rate_mbps=1), as_json=True)


def test_without_iperf3_or_with_one_that_says_nonsense_nothing_is_known() -> None:
    asked = ThroughputRequest(host="127.0.0.1", rate_mbps=1)
    assert run(asked, (), program="no-such-iperf3").failure is Failure.ABSENT
    assert run(asked, (), program="true").failure is Failure.BAD_DATA


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        ("unable to connect to server: Connection refused", Failure.REFUSED),
        ("the server is busy running a test. try again later", Failure.BUSY),
        ("unable to connect to server: No route to host", Failure.UNREACHABLE),
    ],
)
def test_what_iperf3_cannot_do_has_a_name(said: str, failure: Failure) -> None:
    assert read(json.dumps({"error": said}).encode()) == Passage(failure=failure, error=said)


def test_the_receivers_count_is_what_arrived_and_old_versions_are_read_too() -> None:
    sent = {"bits_per_second": 4e6, "lost_percent": 25, "jitter_ms": 0.5}
    new = {"end": {"sum": sent, "sum_received": {"bits_per_second": 2.9e6, "lost_percent": 27, "jitter_ms": 0.6}}}
    assert read(json.dumps(new).encode()) == Passage(arrived_mbps=2.9, lost_percent=27, jitter_ms=0.6)
    assert read(json.dumps({"end": {"sum": sent}}).encode()) == Passage(arrived_mbps=3.0, lost_percent=25, jitter_ms=0.5)
