"""The makers' interfaces against a system that behaves, and one that does not."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.readings import Failure
from probes.codec.drivers import DRIVERS, Api, ApiError
from probes.codec.facts import Facts
from probes.codec.limits import ApiSettings, Maker
from tests.probes.codec.conftest import USER, System, poly, room_os

pytestmark = pytest.mark.req("R29")


def ask(system: System, maker: Maker = Maker.ROOM_OS, timeout_s: float = 5, **changes: object) -> Facts:
    how = {"maker": maker, "user": USER, "password_file": str(system.password_file), "port": system.port, "ca": str(system.ca)} | changes
    return DRIVERS[maker](Api("127.0.0.1", ApiSettings(**how), timeout_s))  # type: ignore[arg-type]


def test_room_os_tells_its_settings_by_its_own_interface(system: System) -> None:
    system.pages = room_os()
    assert ask(system) == Facts(
        product="Cisco Webex Room Kit",
        software="ce9.15.3",
        address="10.20.20.9",
        in_call=True,
        picture_sources=2,
        height_lines=1080,
        call_rate_kbps=2048,
        echo_cancelling=True,
        registered=True,
        microphones_muted=False,
    )


@pytest.mark.parametrize(("second", "state", "sources"), [("True", "OK", 2), ("True", "NotFound", 1), ("False", "Unknown", 1)])
def test_an_input_without_a_signal_is_no_picture_source(system: System, second: str, state: str, sources: int) -> None:
    system.pages = room_os(second=second, state=state)
    assert ask(system).picture_sources == sources


def test_echo_must_be_cancelled_at_every_microphone(system: System) -> None:
    system.pages = room_os(echo="Off")
    assert ask(system).echo_cancelling is False


def test_what_an_older_system_does_not_tell_is_not_known(system: System) -> None:
    system.pages = {"/getxml?location=/Status": "<Status/>", "/getxml?location=/Configuration": "<Configuration/>"}
    assert ask(system) == Facts(product="Cisco", in_call=False)


def test_poly_is_asked_within_a_session_that_is_left_again(system: System) -> None:
    system.pages = poly()
    assert ask(system, Maker.POLY) == Facts(product="Studio X50", software="4.1.0", in_call=True, picture_sources=1, microphones_muted=True)
    assert system.asked[0] == ("POST", "/rest/session")
    assert system.asked[-1] == ("DELETE", "/rest/session")


def test_poly_leaves_its_session_also_where_the_system_breaks(system: System) -> None:
    system.pages = poly() | {"/rest/system": "<html>"}
    with pytest.raises(ApiError):
        ask(system, Maker.POLY)
    assert system.asked[-1] == ("DELETE", "/rest/session")


def test_what_one_poly_model_lacks_is_not_known_and_stops_nothing(system: System) -> None:
    system.pages = {path: page for path, page in poly().items() if path in ("/rest/session", "/rest/system")}
    assert ask(system, Maker.POLY) == Facts(product="Studio X50", software="4.1.0")


@pytest.mark.parametrize("maker", list(DRIVERS))
def test_a_wrong_password_is_a_matter_of_permission_and_is_told_to_nobody(system: System, maker: Maker, tmp_path: Path) -> None:
    system.pages = room_os() | poly()
    wrong = tmp_path / "wrong"
    wrong.write_text("sai-bét\n")
    with pytest.raises(ApiError) as caught:
        ask(system, maker, password_file=str(wrong))
    assert caught.value.failure is Failure.PERMISSION
    assert "sai-bét" not in repr(caught.value)


def test_a_certificate_of_strangers_ends_the_look_before_the_password_is_said(system: System, tmp_path: Path) -> None:
    system.pages = room_os()
    stranger = tmp_path / "stranger.pem"

    trustme.CA().cert_pem.write_to_path(str(stranger))
    with pytest.raises(ApiError) as caught:
        ask(system, ca=str(stranger))
    assert (caught.value.failure, system.asked) == (Failure.BAD_DATA, [])


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"<html>Sign in</html>",
        b"<Status>",
        b"\xff\xfe\x00",
        b'<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Status><Call>&b;</Call></Status>',
    ],
)
def test_a_page_that_is_something_else_is_bad_data_and_no_crash(system: System, page: bytes) -> None:
    system.pages = room_os() | {"/getxml?location=/Status": page}
    with pytest.raises(ApiError) as caught:
        ask(system)
    assert caught.value.failure is Failure.BAD_DATA


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(page=st.binary(max_size=300) | st.text(max_size=100).map(lambda text: f"<Status><Call>{text}</Call></Status>".encode()))
def test_whatever_a_system_says_is_facts_or_one_clear_error(system: System, page: bytes) -> None:
    for maker, path in ((Maker.ROOM_OS, "/getxml?location=/Status"), (Maker.POLY, "/rest/system")):
        system.pages = room_os() | poly() | {path: page}
        with contextlib.suppress(ApiError):
            assert isinstance(ask(system, maker), Facts)


def test_a_system_that_takes_the_connection_and_says_nothing_is_a_timeout(system: System) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(ApiError) as caught:
        ask(system, timeout_s=0.3, port=server.getsockname()[1], tls=False)
    assert caught.value.failure is Failure.TIMEOUT


def test_files_that_cannot_be_read_are_a_matter_of_permission(system: System, tmp_path: Path) -> None:
    for changes in ({"password_file": str(tmp_path / "none")}, {"ca": str(tmp_path / "none")}):
        with pytest.raises(ApiError) as caught:
            ask(system, **changes)  # type: ignore[arg-type]
        assert caught.value.failure is Failure.PERMISSION
