"""The standby line: tried once a day and before each meeting, over real TCP and TLS; never in a live meeting."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme

from contract.catalog import sentence
from contract.meetings import Phase
from contract.readings import Failure
from edge_agent.config import decode
from probes.interface import Look
from probes.link.limits import LinkLimits, LinkSettings, Standby
from probes.link.standby_look import Trial, connect, standby_line

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
LINE = Standby(host="du-phong.example", interface="wwan0")
DAY = timedelta(days=1, seconds=1)

pytestmark = pytest.mark.req("R43")


class Tried:
    """Trials that go as they are told, counted."""

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self.count = 0

    def __call__(self, standby: Standby) -> Trial:
        self.count += 1
        return Trial(connect_ms=12.5) if self.failure is None else Trial(failure=self.failure, error="no route")


def look(tried: Tried, directory: Path | str, at: datetime = AT, phase: Phase = Phase.IDLE, left_s: float = 15) -> tuple[Any, Any]:
    where = Look(phase=phase, state_directory=str(directory), limits_version="v7")
    return standby_line(LinkSettings(standby=LINE), LinkLimits(), where, at=at, left_s=left_s, ask=tried)


def test_a_good_trial_is_told_with_its_time_in_every_look_and_repeated_once_a_day(tmp_path: Path) -> None:
    tried = Tried()
    for hours in (0, 1, 23):
        (reading,), found = look(tried, tmp_path, AT + timedelta(hours=hours))
        assert (reading.metric, reading.value, reading.target, reading.at) == ("link.standby_connect_ms", 12.5, "standby", AT)
        assert found == ()
    assert tried.count == 1
    (reading,), _ = look(tried, tmp_path, AT + DAY)
    assert (reading.at, tried.count) == (AT + DAY, 2)


def test_rehearsal_and_precheck_begin_with_a_trial_and_a_live_meeting_has_none(tmp_path: Path) -> None:
    tried = Tried()
    for count, phase in enumerate((Phase.IDLE, Phase.REHEARSAL, Phase.PRECHECK), 1):
        look(tried, tmp_path, AT + timedelta(minutes=count), phase)
        assert tried.count == count
    look(tried, tmp_path, AT + DAY, Phase.LIVE)
    assert tried.count == 3


def test_a_line_that_fails_twice_is_told_with_the_last_good_trial_until_it_works(tmp_path: Path) -> None:
    tried = Tried()
    look(tried, tmp_path)
    tried.failure = Failure.UNREACHABLE
    assert look(tried, tmp_path, AT + DAY)[1] == ()
    (reading,), (found,) = look(tried, tmp_path, AT + DAY + timedelta(seconds=15))
    assert (found.code, found.since, found.limits_version) == ("link.standby_untested", AT + DAY, "v7")
    assert sentence(found, "vi") == (
        "Đường dự phòng tới du-phong.example:8883 không thử được hoặc không nối được; lần thử tốt gần nhất: 15:00 01/07/2026"
    )
    assert (reading.value, reading.failure) == (None, Failure.UNREACHABLE)
    assert len(look(tried, tmp_path, AT + DAY + timedelta(minutes=1), Phase.LIVE)[1]) == 1, "known in the meeting too"
    assert tried.count == 3, "and not tried again and again"
    tried.failure = None
    assert look(tried, tmp_path, AT + 3 * DAY)[1] == ()


def test_a_line_that_never_worked_says_so(tmp_path: Path) -> None:
    tried = Tried()
    tried.failure = Failure.TIMEOUT
    look(tried, tmp_path)
    (found,) = look(tried, tmp_path, AT + timedelta(seconds=15))[1]
    assert found.details["good"] == "—"


def test_a_trial_that_is_too_old_counts_no_more(tmp_path: Path) -> None:
    tried = Tried()
    look(tried, tmp_path)
    assert look(tried, tmp_path, AT + timedelta(days=6), Phase.LIVE)[1] == ()
    (found,) = look(tried, tmp_path, AT + timedelta(days=8), Phase.LIVE)[1]
    assert found.since == AT + timedelta(days=7)


def test_no_line_no_word_and_an_untried_one_is_not_checked(tmp_path: Path) -> None:
    tried = Tried()
    where = Look(state_directory=str(tmp_path))
    assert standby_line(LinkSettings(), LinkLimits(), where, at=AT, left_s=15, ask=tried) == ((), ())
    assert look(tried, "") == ((), ())
    (reading,), found = look(tried, tmp_path, left_s=2)
    assert (reading.failure, found, tried.count) == (Failure.SKIPPED, (), 0)


def test_another_line_begins_anew(tmp_path: Path) -> None:
    tried = Tried()
    look(tried, tmp_path)
    where, other = Look(state_directory=str(tmp_path)), msgspec.structs.replace(LINE, host="other.example")
    standby_line(LinkSettings(standby=other), LinkLimits(), where, at=AT, left_s=15, ask=tried)
    assert tried.count == 2


def test_the_line_of_the_uplink_is_the_one_that_is_tried() -> None:
    document = {
        "site": {"id": "a", "name": "A"},
        "center": {"host": "c.example", "ca": "/etc/ca.pem", "standby": {"host": "s.example", "port": 443, "interface": "wwan0"}},
    }
    settings = decode(document, Path("agent.toml")).settings["link"]
    assert isinstance(settings, LinkSettings)
    assert settings.standby == Standby(host="s.example", port=443, interface="wwan0", ca="/etc/ca.pem")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def broker(authority: trustme.CA) -> Iterator[int]:
    """A TLS server on loopback; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                    context.wrap_socket(client, server_side=True).close()
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def test_a_broker_with_the_right_certificate_is_reached_by_its_own_interface(broker: int, authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    said = connect(Standby(host="localhost", port=broker, interface="lo", ca=str(tmp_path / "ca.pem")))
    assert (said.failure, said.error) == (None, "")
    assert said.connect_ms is not None


def test_a_broker_of_another_authority_is_refused_and_without_one_the_line_alone_is_tried(broker: int, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    assert connect(Standby(host="localhost", port=broker, ca=str(tmp_path / "other.pem"))).failure is Failure.REFUSED
    assert connect(Standby(host="localhost", port=broker)).failure is None


def test_what_is_not_there_has_a_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert connect(Standby(host="127.0.0.1", port=port)).failure is Failure.REFUSED
    assert connect(Standby(host="no-such-host.invalid")).failure is Failure.UNREACHABLE
    assert connect(Standby(host="127.0.0.1", port=port, ca=str(tmp_path / "none.pem"))).failure is Failure.BAD_DATA
    assert connect(Standby(host="127.0.0.1", port=port, interface="nowhere0")).failure in {Failure.UNREACHABLE, Failure.PERMISSION}
