"""Settings against what was approved: told after two answers, in the phases where they matter; what is not told is asked of a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract.catalog import sentence
from contract.findings import Finding
from contract.meetings import Phase
from contract.readings import Failure, Reading
from probes.codec.by_hand import LookedUp, look_up
from probes.codec.compare import differences, unread
from probes.codec.drivers import ApiError
from probes.codec.facts import Facts
from probes.codec.limits import ApiSettings, CodecLimits, CodecSettings, Expected, Maker
from probes.codec.probe import run
from probes.codec.settings_look import settings_of
from probes.interface import Look
from tests.probes.codec.conftest import USER, System, room_os

pytestmark = pytest.mark.req("R14", "R29")

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
API = ApiSettings(maker=Maker.ROOM_OS, user="u", password_file="/etc/diemcau/secrets/codec")
APPROVED = Expected(address="10.20.20.9", picture_sources=2, height_lines=720, call_rate_kbps=2048, echo_cancelling=True)
GOOD = Facts(address="10.20.20.9", picture_sources=2, height_lines=1080, call_rate_kbps=2048, echo_cancelling=True)
MINUTE = timedelta(minutes=1)


class Codec:
    """Says what it is told to say, and counts."""

    def __init__(self, facts: Facts) -> None:
        self.facts, self.asked = facts, 0
        self.failure: Failure | None = None

    def __call__(self, settings: CodecSettings, timeout_s: float) -> Facts:
        self.asked += 1
        if self.failure is not None:
            raise ApiError(self.failure, "/getxml")
        return self.facts


def looked(
    codec: Codec, directory: Path, minutes: float = 0, phase: Phase = Phase.PRECHECK, *, alive: bool = True, **changes: Any
) -> tuple[dict[str, Reading], list[Finding]]:
    settings = msgspec.structs.replace(CodecSettings(host="10.20.20.9", api=API, expected=APPROVED), **changes)
    look = Look(phase=phase, state_directory=str(directory), limits_version="v9")
    readings, found = settings_of(settings, CodecLimits(), look, at=AT + minutes * MINUTE, left_s=10, alive=alive, ask=codec)
    return {reading.metric: reading for reading in readings}, list(found)


def test_a_system_that_is_as_approved_is_asked_every_five_minutes_and_nothing_is_told(tmp_path: Path) -> None:
    codec = Codec(GOOD)
    for minutes in (0, 1, 4, 5):
        readings, found = looked(codec, tmp_path, minutes)
        assert found == []
    assert codec.asked == 2
    assert readings["codec.picture_lines"].value == 1080


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"call_rate_kbps": 768}, "codec.settings_changed", "Cài đặt «Call rate (kbit/s)» của bộ kết nối là 768, đã duyệt là 2048"),
        ({"echo_cancelling": False}, "codec.settings_changed", "Cài đặt «Echo control» của bộ kết nối là Off, đã duyệt là On"),
        (
            {"address": "10.20.20.77"},
            "codec.settings_changed",
            "Cài đặt «IP address» của bộ kết nối là 10.20.20.77, đã duyệt là 10.20.20.9",
        ),
        ({"height_lines": 576}, "codec.not_hd", "Hình chính của bộ kết nối 10.20.20.9 có 576 dòng (cần 720)"),
        ({"picture_sources": 1}, "codec.no_second_source", "Bộ kết nối 10.20.20.9 chỉ có 1 nguồn hình có tín hiệu (cần 2)"),
    ],
)
def test_a_difference_is_told_once_two_answers_had_it_and_no_longer_than_it_lasts(
    tmp_path: Path, change: dict[str, Any], code: str, words: str
) -> None:
    codec = Codec(msgspec.structs.replace(GOOD, **change))
    assert looked(codec, tmp_path)[1] == [], "a system that is just starting says many a thing"
    _, (found,) = looked(codec, tmp_path, 1)
    assert (found.code, found.since, found.limits_version) == (code, AT, "v9")
    assert sentence(found, "vi") == words
    assert codec.asked == 2, "the second answer is asked for at once"
    codec.facts = GOOD
    assert looked(codec, tmp_path, 7)[1] == []


def test_sources_and_lines_matter_before_and_in_a_meeting_only_and_settings_always(tmp_path: Path) -> None:
    codec = Codec(msgspec.structs.replace(GOOD, picture_sources=1, height_lines=None, call_rate_kbps=768))
    for minutes in (0, 1):
        _, found = looked(codec, tmp_path, minutes, Phase.IDLE)
    assert [one.code for one in found] == ["codec.settings_changed"]
    _, found = looked(codec, tmp_path, 2, Phase.LIVE)
    assert [one.code for one in found] == ["codec.no_second_source", "codec.settings_changed"]


def test_a_system_that_is_off_or_does_not_tell_is_not_judged(tmp_path: Path) -> None:
    codec = Codec(msgspec.structs.replace(GOOD, call_rate_kbps=768))
    for minutes in (0, 1):
        looked(codec, tmp_path, minutes)
    readings, found = looked(codec, tmp_path, 2, alive=False)
    assert (readings["codec.call_rate_kbps"].failure, found) == (Failure.SKIPPED, [])
    codec.failure = Failure.PERMISSION
    readings, found = looked(codec, tmp_path, 9)
    assert (readings["codec.call_rate_kbps"].failure, found) == (Failure.PERMISSION, [])


@pytest.mark.req("R28")
def test_what_the_system_does_not_tell_is_asked_of_a_person_whose_word_holds_a_week(tmp_path: Path) -> None:
    codec = Codec(msgspec.structs.replace(GOOD, echo_cancelling=None, call_rate_kbps=None))
    _, (found,) = looked(codec, tmp_path)
    assert found.code == "codec.settings_unread"
    assert sentence(found, "vi") == "Bộ kết nối 10.20.20.9 không cho đọc: Call rate (kbit/s), Echo control"
    look_up(str(tmp_path), "call_rate_kbps", LookedUp(right=True, by="Trần Văn A", at=AT))
    look_up(str(tmp_path), "echo_cancelling", LookedUp(right=False, by="Trần Văn A", at=AT))
    _, (found,) = looked(codec, tmp_path, 1)
    assert (found.code, found.details["actual"]) == ("codec.settings_changed", "≠ (Trần Văn A)")
    assert looked(codec, tmp_path, 2, Phase.IDLE)[1] == [], "nobody is asked out of meetings"
    _, found_again = looked(codec, tmp_path, 8 * 24 * 60)
    assert [one.code for one in found_again] == ["codec.settings_unread"]


def test_without_an_interface_everything_approved_is_asked_of_a_person(tmp_path: Path) -> None:
    codec = Codec(GOOD)
    _, (found,) = looked(codec, tmp_path, api=None, expected=Expected(height_lines=720))
    assert (found.code, found.details["settings"], codec.asked) == ("codec.settings_unread", "Video resolution", 0)
    assert looked(codec, tmp_path, api=None, expected=None) == ({}, [])


def test_more_lines_and_more_sources_than_approved_are_no_difference() -> None:
    assert list(differences(msgspec.structs.replace(GOOD, picture_sources=3, height_lines=2160), APPROVED)) == []
    assert unread(Facts(), Expected()) == ()


def test_a_whole_look_by_the_makers_interface_finds_the_changed_rate(system: System, tmp_path: Path) -> None:
    system.pages = room_os(rate=768)
    api = ApiSettings(maker=Maker.ROOM_OS, user=USER, password_file=str(system.password_file), port=system.port, ca=str(system.ca))
    settings = CodecSettings(host="127.0.0.1", sip_port=0, web_port=system.port, web_tls=True, api=api, expected=APPROVED)
    state = tmp_path / "state"
    state.mkdir()
    look = Look(phase=Phase.REHEARSAL, state_directory=str(state), deadline_s=15)
    run(settings, CodecLimits(), look)
    report = run(settings, CodecLimits(), look)
    assert [found.code for found in report.findings] == ["codec.settings_changed"]
    figures = {reading.metric: reading.value for reading in report.readings}
    assert figures["codec.call_rate_kbps"] == 768
    assert figures["codec.web_status"] in (401, 404)
    assert (figures["codec.certificate_days"] or 0) > 300
