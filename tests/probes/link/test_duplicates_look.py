"""Two devices with one address: asked seldom, told after two looks, never because of this machine itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.catalog import sentence
from contract.findings import Finding
from contract.meetings import Phase
from contract.readings import Failure
from probes.interface import Look
from probes.link.duplicates import DuplicatesAnswer, DuplicatesRequest, answer
from probes.link.duplicates_look import duplicates, request_of
from probes.link.limits import LinkLimits, LinkSettings
from probes.link.path_look import Way

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1, seconds=1)
OWN, ROUTER, CODEC = "10.7.0.5", "10.7.0.1", "10.7.0.9"
WAYS = {"center": Way(address="10.9.0.1", interface="eth0", source=OWN, gateway=ROUTER)}


class Asked:
    """Answers as it is told, and counts."""

    def __init__(self, **owners: tuple[str, ...]) -> None:
        self.owners, self.failure, self.count = owners, None, 0

    owners: dict[str, tuple[str, ...]]
    failure: Failure | None

    def __call__(self, request: DuplicatesRequest) -> DuplicatesAnswer:
        self.count += 1
        if self.failure is not None:
            return DuplicatesAnswer(failure=self.failure)
        return DuplicatesAnswer(owners={address: self.owners.get(address, ()) for address in (request.own, *request.others)})


def look(asked: Asked, directory: Path | str, at: datetime = AT, phase: Phase = Phase.IDLE, left_s: float = 15) -> tuple[Finding, ...]:
    where = Look(phase=phase, state_directory=str(directory), limits_version="v7")
    return duplicates(WAYS, LinkSettings(neighbours=(CODEC,)), LinkLimits(), where, at=at, left_s=left_s, ask=asked)


def test_this_machine_its_router_and_its_neighbours_are_asked_for_and_nothing_beyond() -> None:
    ways = {
        **WAYS,
        "gateway": Way(address=ROUTER, interface="eth0", source=OWN),
        "mcu": Way(address="10.7.0.8", interface="eth0", source=OWN),
        "other": Way(address="172.16.0.1", interface="eth1", source="172.16.0.2"),
    }
    assert request_of(ways, [CODEC]) == DuplicatesRequest(interface="eth0", own=OWN, others=(ROUTER, "10.7.0.8", CODEC))
    assert request_of({"center": Way(address="127.0.0.1", interface="lo", source="127.0.0.1")}) is None
    assert request_of({"center": Way(address="fd00::1", interface="eth0", source="fd00::2")}) is None
    assert request_of({"center": Way(address="", interface="")}) is None


@pytest.mark.req("R31")
def test_a_stranger_with_our_address_is_told_after_two_looks_in_the_live_meeting_too_and_until_it_is_gone(tmp_path: Path) -> None:
    asked = Asked()
    asked.owners = {OWN: ("02:00:00:00:00:07",), ROUTER: ("02:00:00:00:00:01",)}
    assert look(asked, tmp_path) == ()
    (found,) = look(asked, tmp_path, AT + timedelta(seconds=15))
    assert (found.code, found.since, found.limits_version) == ("link.duplicate_address", AT, "v7")
    assert sentence(found, "vi") == "Địa chỉ 10.7.0.5 có nhiều thiết bị cùng dùng: 02:00:00:00:00:07"
    assert len(look(asked, tmp_path, AT + timedelta(seconds=30), Phase.LIVE)) == 1
    assert asked.count == 2, "never asked while people meet, and seldom otherwise"
    asked.owners = {}
    assert look(asked, tmp_path, AT + HOUR + HOUR) == ()


def test_another_address_needs_two_owners(tmp_path: Path) -> None:
    asked = Asked()
    asked.owners = {CODEC: ("02:00:00:00:00:09",)}
    for minutes in (0, 120, 240):
        assert look(asked, tmp_path, AT + timedelta(minutes=minutes)) == ()
    asked.owners = {CODEC: ("02:00:00:00:00:09", "02:00:00:00:00:0a")}
    look(asked, tmp_path, AT + timedelta(minutes=360))
    (found,) = look(asked, tmp_path, AT + timedelta(minutes=361))
    assert found.details["address"] == CODEC


@pytest.mark.parametrize("failure", [Failure.PERMISSION, Failure.TIMEOUT, Failure.CRASHED])
def test_what_could_not_be_asked_says_nothing_and_is_not_repeated_at_once(tmp_path: Path, failure: Failure) -> None:
    asked = Asked()
    asked.owners = {OWN: ("02:00:00:00:00:07",)}
    look(asked, tmp_path)
    asked.failure = failure
    for seconds in (15, 30, 45):
        assert look(asked, tmp_path, AT + timedelta(seconds=seconds)) == ()
    assert asked.count == 2


def test_nothing_is_asked_without_time_or_a_place_to_remember(tmp_path: Path) -> None:
    asked = Asked()
    look(asked, "")
    look(asked, tmp_path, left_s=3)
    look(asked, tmp_path, phase=Phase.LIVE)
    assert asked.count == 0


def test_a_memory_that_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "link-duplicates.json").write_text("{")
    asked = Asked()
    look(asked, tmp_path)
    assert asked.count == 1


def test_an_interface_that_is_not_there_and_a_strange_request_have_names() -> None:
    assert answer(b'{"interface": "to-nowhere", "own": "10.7.0.5"}').failure in {Failure.ABSENT, Failure.PERMISSION}
    assert answer(b"{}").failure is Failure.BAD_DATA


def test_a_neighbour_must_be_an_address() -> None:
    with pytest.raises(ValueError, match="neighbours: 'codec' is no IPv4 address"):
        LinkSettings(neighbours=("codec",))
