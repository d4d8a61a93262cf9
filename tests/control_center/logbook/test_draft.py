"""What is ticked, and on what evidence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.catalog import FormLine
from contract.findings import Severity, State
from contract.meetings import Phase, Role
from contract.messages import Lifecycle
from contract.readings import Failure
from control_center.incidents.model import Place
from control_center.logbook.draft import draft
from control_center.logbook.evidence import SiteEvidence
from control_center.logbook.form import Tick

CAMERA, MICROPHONE = FormLine.CAMERA, FormLine.MICROPHONE


@pytest.mark.req("R39", "R40")
def test_a_site_where_all_was_measured_and_nothing_happened_is_normal(story: Any) -> None:
    check = story.check()
    row = story.row(check)
    assert row.tick is Tick.NORMAL
    assert [line.tick for line in row.lines] == [Tick.NORMAL] * 5
    assert all(line.basis.evidence == (check.id,) for line in row.lines)
    assert row.basis.evidence == (check.id,)
    assert row.description == ()


@pytest.mark.req("R40")
def test_a_site_that_was_never_heard_has_no_tick_and_says_so(story: Any) -> None:
    row = story.row()
    assert row.tick is Tick.NEITHER
    assert row.note == "Chưa kết luận: không nhận được số liệu nào từ điểm cầu"
    assert {(line.tick, line.note) for line in row.lines} == {(Tick.NEITHER, "Chưa kiểm tra sau cuộc họp")}


@pytest.mark.req("R46")
@pytest.mark.parametrize(
    ("state", "why", "note"),
    [
        (State.NOT_FITTED, Failure.NOT_FITTED, "Không trang bị"),
        (State.UNKNOWN, Failure.BUSY, "Chưa kiểm tra: thiết bị đang được hệ thống họp sử dụng"),
        (State.UNKNOWN, Failure.ABSENT, "Chưa kiểm tra: không thấy thiết bị"),
        (State.UNKNOWN, None, "Chưa kiểm tra: không có số liệu"),
    ],
)
def test_what_was_not_measured_has_both_boxes_empty_and_the_reason(story: Any, state: State, why: Failure | None, note: str) -> None:
    line = story.row(story.check(story.verdict("camera", state=state, why=why))).line(CAMERA)
    assert (line.tick, line.note) == (Tick.NEITHER, note)


@pytest.mark.req("R46")
def test_a_room_without_a_codec_can_still_be_normal_but_not_one_whose_camera_was_busy(story: Any) -> None:
    not_fitted = story.verdict("codec", state=State.NOT_FITTED, why=Failure.NOT_FITTED)
    assert story.row(story.check(not_fitted)).tick is Tick.NORMAL
    busy = story.row(story.check(story.verdict("camera", state=State.UNKNOWN, why=Failure.BUSY)))
    assert busy.tick is Tick.NEITHER
    assert "Camera" in busy.note


def test_a_site_whose_link_was_not_checked_is_not_normal(story: Any) -> None:
    row = story.row(story.check(story.verdict("link", state=State.UNKNOWN, why=Failure.CRASHED)))
    assert row.tick is Tick.NEITHER
    assert "đường truyền" in row.note


def test_a_good_check_before_the_meeting_ticks_nothing_but_is_mentioned(story: Any) -> None:
    row = story.row(story.check(clock="07:31:00", phase=Phase.PRECHECK))
    assert row.tick is Tick.NEITHER
    assert row.line(CAMERA).note == "Chưa kiểm tra sau cuộc họp; lúc 07:31:10 còn bình thường"


def test_a_fault_that_lasted_to_the_end_is_damaged(story: Any) -> None:
    row = story.row(
        story.onset("microphone.dead", "09:00:00", figure=-121.0, limit=-90.0, unit="dBFS"),
        story.check(story.verdict("microphone", story.found("microphone.dead"))),
    )
    assert row.line(MICROPHONE).tick is Tick.WRONG
    assert row.line(MICROPHONE).basis.evidence == ("tinh:b1:1", "tinh:b1:2")
    assert row.tick is Tick.WRONG
    assert row.description == (
        "Micro không có tín hiệu từ 09:00:00, đến khi kết thúc vẫn chưa khắc phục: mức −121\u00a0dBFS (giới hạn −90\u00a0dBFS).",
    )


def test_a_fault_still_open_when_the_last_look_failed_is_damaged(story: Any) -> None:
    look = story.check(story.verdict("microphone", state=State.UNKNOWN, why=Failure.TIMEOUT))
    assert story.row(story.incident("microphone.dead", "09:00:00", None), look).line(MICROPHONE).tick is Tick.WRONG


def test_a_fault_found_only_by_the_last_check_is_damaged_by_its_word(story: Any) -> None:
    check = story.check(story.verdict("camera", story.found("camera.absent", Severity.CRITICAL)))
    row = story.row(check)
    assert row.line(CAMERA).tick is Tick.WRONG
    assert row.line(CAMERA).basis.evidence == (check.id,)
    assert row.tick is Tick.WRONG
    assert row.description == ("Sau cuộc họp: Mất camera từ 10:02:00, đến khi kết thúc vẫn chưa khắc phục.",)


def test_a_damaged_thing_that_was_mended_is_told_not_called_damaged(story: Any) -> None:
    row = story.row(story.onset("camera.absent", "09:00:00"), story.cleared("camera.absent", "09:00:00", "09:01:05"), story.check())
    assert row.line(CAMERA).tick is Tick.NORMAL
    assert row.tick is Tick.WRONG
    assert row.description == ("Mất camera từ 09:00:00 đến 09:01:05 (1 phút 5 giây).",)


def test_the_last_check_is_believed_when_nobody_told_the_end(story: Any) -> None:
    row = story.row(story.incident("camera.absent", "09:00:00", None), story.check())
    assert row.line(CAMERA).tick is Tick.NORMAL
    assert row.description == ("Mất camera từ 09:00:00, kiểm tra lại lúc 10:02:00 không còn.",)


@pytest.mark.req("R40")
def test_a_fault_cleared_before_the_meeting_is_told_not_ticked(story: Any) -> None:
    row = story.row(story.incident("camera.absent", "07:31:00", "07:40:00"), story.check())
    assert row.tick is Tick.NORMAL
    assert row.line(CAMERA).tick is Tick.NORMAL
    assert row.description == ("Trước cuộc họp (đã khắc phục): Mất camera từ 07:31:00 đến 07:40:00 (9 phút).",)


def test_a_fault_of_the_rehearsal_day_carries_its_date_and_one_between_the_phases_is_left_out(story: Any) -> None:
    rehearsal = msgspec.structs.replace(
        story.incident("camera.absent", "07:00:00", "07:00:00"),
        began_at=story.at("14:05:00", day=22),
        ended_at=story.at("14:06:00", day=22),
    )
    assert story.row(rehearsal, story.check()).description == (
        "Trước cuộc họp (đã khắc phục): Mất camera từ 14:05:00 ngày 22/11/2026 đến 14:06:00 ngày 22/11/2026 (1 phút).",
    )
    assert story.row(story.incident("camera.absent", "03:00:00", "03:10:00"), story.check()).description == ()


def test_one_that_reached_into_the_meeting_is_ticked(story: Any) -> None:
    assert story.row(story.incident("camera.covered", "07:59:00", "08:00:10"), story.check()).tick is Tick.WRONG


@pytest.mark.parametrize(("code", "component"), [("microphone.howling", "microphone"), ("camera.covered", "camera")])
def test_what_is_only_told_never_calls_a_device_damaged(story: Any, code: str, component: str) -> None:
    over = story.row(story.incident(code, "09:00:00", "09:00:30"), story.check())
    assert over.tick is Tick.WRONG
    assert [line.tick for line in over.lines] == [Tick.NORMAL] * 5
    lasting = story.row(story.incident(code, "09:00:00", None), story.check(story.verdict(component, story.found(code))))
    line = next(line for line in lasting.lines if line.tick is not Tick.NORMAL)
    assert line.tick is Tick.NEITHER
    assert line.note.startswith("Chưa kết luận: ")


def test_advisories_and_faults_without_effect_leave_the_form_alone(story: Any) -> None:
    dirty = story.verdict("camera", story.found("camera.dirty"), state=State.WARNING)
    quiet = story.onset("microphone.howling", "09:00:00", Severity.INFO)
    row = story.row(story.check(dirty), quiet)
    assert (row.tick, row.description) == (Tick.NORMAL, ())


def test_a_suspicion_that_passed_leaves_no_trace(story: Any) -> None:
    row = story.row(story.incident("link.down", "09:00:00", "09:00:01", opened_at=None), story.check())
    assert (row.tick, row.description) == (Tick.NORMAL, ())


def test_an_agent_that_was_stale_is_told_and_ticks_incident(story: Any) -> None:
    row = story.row(story.incident("agent.stale", "09:00:00", "09:00:40"), story.check())
    assert row.tick is Tick.WRONG
    assert row.description == ("Máy giám sát im lặng từ 09:00:00 đến 09:00:40 (40 giây).",)


def test_a_busy_camera_or_a_crashed_probe_speaks_on_its_line_only(story: Any) -> None:
    busy = story.row(story.onset("camera.busy", "09:00:00"), story.check(story.verdict("camera", story.found("camera.busy"))))
    assert busy.description == ()
    assert busy.line(CAMERA).note == "Chưa kiểm tra: camera đang bị chiếm"
    assert story.row(story.onset("agent.probe_crashed", "09:00:00", target="camera"), story.check()).tick is Tick.NORMAL


def test_a_code_that_only_a_newer_agent_knows_is_told_raw(story: Any) -> None:
    row = story.row(story.incident("camera.upside_down", "09:00:00", "09:00:30"), story.check())
    assert row.tick is Tick.WRONG
    assert row.description == ("Sự cố camera.upside_down từ 09:00:00 đến 09:00:30 (30 giây).",)


def test_the_sites_own_telling_stands_behind_the_centers_incident(story: Any) -> None:
    incident = story.incident("link.down", "09:12:03", "09:12:25", place=Place.TSLCD)
    onset, end = story.onset("link.mcu_unreachable", "09:12:04"), story.cleared("link.mcu_unreachable", "09:12:04", "09:12:25")
    gap = story.gap("09:12:03", 22, confirmed=True)
    row = story.row(incident, onset, end, gap, story.check())
    assert row.description == ("Mất kết nối đường TSLCD từ 09:12:03 đến 09:12:25 (22 giây).",)
    assert {incident.id, onset.id, end.id, gap.id} <= set(row.basis.evidence)


@pytest.mark.req("R31", "R36")
@pytest.mark.parametrize(
    ("targets", "answered", "words"),
    [
        (("mcu", "center"), ("gateway",), "Mất kết nối đường TSLCD"),
        (("gateway", "mcu", "center"), (), "Mất kết nối tới thiết bị cổng kết nối của điểm cầu"),
        (("mcu",), ("gateway", "center"), "Mất kết nối tới MCU"),
        (("center",), ("gateway", "mcu"), "Mất kết nối tới Trung tâm điều khiển"),
        (("elsewhere",), (), "Mất kết nối đường truyền"),
    ],
)
def test_an_outage_that_only_the_site_saw_is_told_with_its_place(
    story: Any, targets: tuple[str, ...], answered: tuple[str, ...], words: str
) -> None:
    row = story.row(story.gap("09:12:03", 22, confirmed=True, targets=targets, answered=answered), story.check())
    assert row.tick is Tick.WRONG
    assert row.description == (f"{words} từ 09:12:03 đến 09:12:25 (22 giây).",)


def test_a_few_drops_are_listed_and_many_are_summed_up(story: Any) -> None:
    few = [story.incident("link.down", f"09:0{n}:00", f"09:0{n}:05", place=Place.TSLCD) for n in range(2)]
    assert story.row(*few, story.check()).description == (
        "Mất kết nối đường TSLCD 2 lần, tổng 10 giây: từ 09:00:00 đến 09:00:05 (5 giây); từ 09:01:00 đến 09:01:05 (5 giây).",
    )
    many = [story.incident("link.down", f"09:0{n}:00", f"09:0{n}:{8 + n:02}", place=Place.TSLCD) for n in range(5)]
    assert story.row(*many, story.check()).description == (
        "Mất kết nối đường TSLCD 5 lần từ 09:00:00 đến 09:04:12, tổng 50 giây, lâu nhất 12 giây.",
    )


def test_one_flapping_incident_tells_how_often_and_how_long_in_all(story: Any) -> None:
    spans = story.spans(("09:00:00", "09:00:10"), ("09:01:00", "09:01:10"), ("09:02:00", "09:02:20"), ("09:03:00", "09:03:08"))
    incident = story.incident("link.down", "09:00:00", "09:03:08", place=Place.TSLCD, spans=spans, times=4)
    assert story.row(incident, story.check()).description == (
        "Mất kết nối đường TSLCD 4 lần từ 09:00:00 đến 09:03:08, tổng 48 giây, lâu nhất 20 giây.",
    )


def test_a_flapping_fault_whose_single_times_are_not_known_says_how_often(story: Any) -> None:
    row = story.row(
        story.onset("link.loss", "09:00:00", figure=7.0, limit=1.0, unit="%"),
        story.cleared("link.loss", "09:00:00", "09:10:00", times=6),
        story.check(),
    )
    assert row.description == ("Mất gói, chập chờn 6 lần, từ 09:00:00 đến 09:10:00 (10 phút): mất 7% gói tin (giới hạn 1%).",)


def test_figure_limit_frequency_and_common_cause_are_named(story: Any) -> None:
    howl = story.incident(
        "microphone.howling", "09:00:00", "09:00:14", figure=-12.3, limit=-30.0, unit="dBFS", frequency_hz=2512.0, target="2"
    )
    drop = story.incident("link.down", "09:30:00", "09:30:20", place=Place.TSLCD, group="g1")
    assert story.row(howl, drop, story.check()).description == (
        "Hú, rít từ 09:00:00 đến 09:00:14 (14 giây): micro 2 hú ở 2512\u00a0Hz, mức −12,3\u00a0dBFS (giới hạn −30\u00a0dBFS).",
        "Mất kết nối đường TSLCD từ 09:30:00 đến 09:30:20 (20 giây); xảy ra đồng thời tại nhiều điểm cầu.",
    )


def test_short_interruptions_are_one_quiet_sentence_or_none_and_tick_nothing(story: Any) -> None:
    row = story.row(story.gap("09:00:00", 0.8), story.gap("09:30:00", 0.9, blind_s=0.2), story.check())
    assert row.tick is Tick.NORMAL
    assert row.description == ("Đường truyền gián đoạn thoáng qua 2 lần, tổng 1,5 giây, lâu nhất 0,8 giây.",)
    assert story.row(story.gap("09:00:00", 0.6), story.check()).description == ()
    assert story.row(story.gap("07:45:00", 0.9), story.gap("07:46:00", 0.9), story.check()).description == ()


@pytest.mark.parametrize(("cause", "words"), [("power_lost", "do mất điện"), ("crashed", "do lỗi phần mềm")])
def test_a_restart_of_the_site_pc_is_told_apart_from_a_lost_link(story: Any, cause: str, words: str) -> None:
    life = Lifecycle(what="started", at=story.at("09:05:00"), cause=cause, last_seen_at=story.at("09:01:00"))
    row = story.row(story.record(life), story.check())
    assert row.description == (f"Máy giám sát khởi động lại lúc 09:05:00 {words}, ngừng ghi nhận từ 09:01:00.",)


def test_a_silence_whose_cause_the_agent_told_names_it_once(story: Any) -> None:
    details = {"cause": "power_lost"}
    incident = story.incident("link.down", "09:01:00", "09:05:10", place=Place.AGENT, details=details)
    life = Lifecycle(what="started", at=story.at("09:05:00"), cause="power_lost", last_seen_at=story.at("09:01:00"))
    assert story.row(incident, story.record(life), story.check()).description == (
        "Mất liên lạc với máy giám sát của điểm cầu do mất điện từ 09:01:00 đến 09:05:10 (4 phút 10 giây).",
    )


def test_an_outage_of_the_whole_link_within_one_of_the_mcu_is_told_beside_it(story: Any) -> None:
    mcu = story.incident("link.mcu_unreachable", "09:00:00", "09:10:00", place=Place.MCU)
    whole = story.incident("link.down", "09:05:00", "09:05:30", place=Place.TSLCD)
    assert story.row(mcu, whole, story.check()).description == (
        "Mất kết nối tới MCU từ 09:00:00 đến 09:10:00 (10 phút).",
        "Mất kết nối đường TSLCD từ 09:05:00 đến 09:05:30 (30 giây).",
    )


def test_a_row_with_countless_kinds_of_faults_stays_short(story: Any) -> None:
    many = [story.incident(f"camera.fault_{n:02}", f"09:{n:02}:00", f"09:{n:02}:10") for n in range(20)]
    description = story.row(*many, story.check()).description
    assert len(description) == 13
    assert description[-1] == "Còn 8 loại sự cố khác, xem chi tiết tại Trung tâm điều khiển."


def test_a_fault_seen_by_two_checks_and_gone_at_the_third_is_one_episode(story: Any) -> None:
    bad = story.verdict("camera", story.found("camera.covered"))
    row = story.row(
        story.check(bad, clock="07:31:00", phase=Phase.PRECHECK),
        story.check(bad, clock="08:30:00", phase=Phase.LIVE),
        story.check(),
    )
    assert row.description == ("Camera bị che từ 07:31:00, kiểm tra lại lúc 10:02:00 không còn.",)
    assert row.tick is Tick.WRONG


def test_a_fault_that_ended_and_was_seen_again_by_the_last_check_lasts(story: Any) -> None:
    row = story.row(
        story.incident("camera.absent", "09:00:00", "09:01:00"), story.check(story.verdict("camera", story.found("camera.absent")))
    )
    assert row.line(CAMERA).tick is Tick.WRONG


def test_powering_off_after_the_last_check_does_not_unsay_it(story: Any) -> None:
    off = [story.verdict(name, state=State.UNKNOWN, why=Failure.ABSENT) for name in ("camera", "microphone")]
    row = story.row(story.check(), story.check(*off, clock="10:09:00"))
    assert row.tick is Tick.NORMAL


@pytest.mark.req("R18")
def test_devices_switched_off_after_a_good_last_check_are_no_fault(story: Any) -> None:
    off = story.verdict("camera", story.found("camera.absent"))
    row = story.row(story.check(), story.onset("camera.absent", "10:05:00"), story.check(off, clock="10:09:00"))
    assert (row.tick, row.description) == (Tick.NORMAL, ())
    assert row.line(CAMERA).basis.evidence == ("tinh:b1:1",)


def test_what_broke_in_the_meeting_is_not_taken_for_switching_off(story: Any) -> None:
    bad = story.verdict("camera", story.found("camera.absent"))
    row = story.row(story.onset("camera.absent", "09:50:00"), story.check(bad), story.check(bad, clock="10:09:00"))
    assert row.line(CAMERA).tick is Tick.WRONG


def test_a_device_mended_within_the_wrap_up_is_normal(story: Any) -> None:
    bad = story.verdict("camera", story.found("camera.absent"))
    row = story.row(story.onset("camera.absent", "09:50:00"), story.check(bad), story.check(clock="10:09:00"))
    assert row.line(CAMERA).tick is Tick.NORMAL
    assert row.tick is Tick.WRONG
    assert row.description == ("Mất camera từ 09:50:00, kiểm tra lại lúc 10:09:00 không còn.",)


def test_a_told_fault_that_lasts_leaves_its_line_open_even_if_the_last_check_calls_it_an_advisory(story: Any) -> None:
    black = story.verdict("camera", story.found("camera.covered", Severity.INFO), state=State.OK)
    row = story.row(story.incident("camera.covered", "09:50:00", None), story.check(black))
    assert (row.line(CAMERA).tick, row.line(CAMERA).note) == (Tick.NEITHER, "Chưa kết luận: camera bị che")


@pytest.mark.req("R46")
def test_a_silent_site_still_tells_what_its_room_does_not_have(story: Any) -> None:
    site = SiteEvidence(site="tinh", name="A", not_fitted=frozenset({"codec"}))
    document = draft(story.meeting, [site], drafted_at=story.at("10:16:00"), faults=story.faults)
    assert [line.note for line in document.main[0].lines if line.note.startswith("Không")] == ["Không trang bị"]


@pytest.mark.req("R1")
def test_sections_follow_the_role_in_the_meeting_and_keep_its_order(story: Any) -> None:
    meeting = story.meeting_of({"b": Role.BRANCH, "m": Role.MAIN, "a": Role.BRANCH})
    names = {"a": "Xã A", "m": "Tỉnh", "b": "Xã B"}
    document = draft(
        meeting, [SiteEvidence(site=site, name=name) for site, name in names.items()], drafted_at=story.at("10:16:00"), faults=story.faults
    )
    assert [row.name for row in document.main] == ["Tỉnh"]
    assert [row.name for row in document.branches] == ["Xã B", "Xã A"]


@st.composite
def tellings(draw: st.DrawFn, story: Any) -> list[Any]:
    """Whatever sites and center may say: any code, any time, any state, with and without ends and last checks."""
    told: list[Any] = []
    codes = st.sampled_from(sorted(story.faults))
    for index in range(draw(st.integers(0, 4))):
        begin = draw(st.integers(0, 59))
        code, lasts = draw(codes), draw(st.booleans())
        kind = draw(st.sampled_from(["incident", "onset", "gap"]))
        severity = draw(st.sampled_from(list(Severity)))
        since = f"{draw(st.integers(7, 10)):02}:{begin:02}:00"
        until = (story.at(since) + timedelta(seconds=draw(st.integers(0, 4000)))).astimezone(story.at(since).tzinfo)
        if kind == "incident":
            incident = story.incident(code, since, None, severity=severity)
            told.append(incident if lasts else msgspec.structs.replace(incident, ended_at=until, id=f"{incident.id}-{index}"))
        elif kind == "onset":
            told.append(story.onset(code, since, severity))
        else:
            told.append(story.gap(since, draw(st.floats(0, 300)), confirmed=lasts))
    for _ in range(draw(st.integers(0, 2))):
        verdicts = []
        for component in ("camera", "microphone", "codec", "link"):
            code = draw(st.sampled_from(["", *sorted(story.faults)]))
            if code.startswith(component):
                verdicts.append(story.verdict(component, story.found(code)))
            else:
                state = draw(st.sampled_from([State.OK, State.UNKNOWN, State.NOT_FITTED]))
                verdicts.append(story.verdict(component, state=state))
        told.append(story.check(*verdicts, clock=draw(st.sampled_from(["07:40:00", "10:01:00", "10:10:00"])), phase=Phase.PRECHECK))
    return told


@pytest.mark.req("R39", "R40")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(draws=st.data())
def test_whatever_is_told_every_tick_has_evidence_and_every_empty_pair_its_reason(story: Any, draws: st.DataObject) -> None:
    told = draws.draw(tellings(story))
    ids = {one.id for one in told}
    row = story.row(*told)
    for tick, basis, note in [(row.tick, row.basis, row.note), *((line.tick, line.basis, line.note) for line in row.lines)]:
        assert set(basis.evidence) <= ids
        assert basis.evidence if tick is not Tick.NEITHER else note
    if row.tick is Tick.NORMAL:
        assert all(line.tick is Tick.NORMAL or line.note == "Không trang bị" for line in row.lines)
    if any(line.tick is Tick.WRONG for line in row.lines):
        assert row.tick is Tick.WRONG
    if row.tick is Tick.WRONG:
        assert row.description


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(draws=st.data())
def test_one_more_fault_never_makes_a_row_look_better(story: Any, draws: st.DataObject) -> None:
    told = draws.draw(tellings(story))
    worse = story.row(*told, story.incident("camera.covered", "08:30:00", "08:31:00"))
    assert worse.tick is Tick.WRONG
    assert [line.tick for line in worse.lines if line.name is not CAMERA] == [
        line.tick for line in story.row(*told).lines if line.name is not CAMERA
    ]
