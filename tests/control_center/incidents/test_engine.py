"""Rules of the incident engine, as stories: what is seen from which end, in which order, and what it makes."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.findings import Finding, Severity
from contract.meetings import Phase
from contract.messages import Cleared, Event, Interruption, Lifecycle, Onset
from control_center.incidents.engine import Engine
from control_center.incidents.model import Incident, IncidentState, Place, SilenceSignal, Span, Witness
from control_center.incidents.rules import Duty, Rules

T = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
LIVE = Duty("m1", Phase.LIVE)
SITES = ("a", "b", "c", "d")


def s(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def live_engine(*known: Incident) -> Engine:
    engine = Engine(known=known)
    engine.duties(dict.fromkeys(SITES, LIVE), s(-60))
    return engine


def suspected(at: float, since: float, site: str = "a") -> SilenceSignal:
    return SilenceSignal(site=site, kind="suspected", at=s(at), silent_since=s(since))


def confirmed(at: float, since: float, site: str = "a", witness: Witness = Witness.SILENT) -> SilenceSignal:
    return SilenceSignal(site=site, kind="confirmed", at=s(at), silent_since=s(since), witness=witness)


def returned(at: float, since: float, site: str = "a") -> SilenceSignal:
    return SilenceSignal(site=site, kind="returned", at=s(at), silent_since=s(since), returned_at=s(at))


def outage(begins: float, ends: float, *, meeting: str = "m1", answered: tuple[str, ...] = (), confirms: bool = True) -> Interruption:
    targets = tuple(name for name in ("gateway", "mcu", "center") if name not in answered)
    duration_s = ends - begins
    return Interruption(
        began_at=s(begins),
        ended_at=s(ends),
        duration_s=duration_s,
        targets=targets,
        answered=answered,
        confirmed=confirms,
        meeting=meeting,
    )


def onset(code: str, since: float, *, severity: Severity = Severity.CRITICAL, **fields: object) -> Onset:
    finding = Finding(code=code, severity=severity, component=code.partition(".")[0], since=s(since), **fields)  # type: ignore[arg-type]
    return Onset(finding=finding, phase=Phase.LIVE, meeting="m1")


def cleared(code: str, begins: float, ends: float, **fields: object) -> Cleared:
    return Cleared(code=code, component=code.partition(".")[0], began_at=s(begins), ended_at=s(ends), **fields)  # type: ignore[arg-type]


def only(changed: list[Incident]) -> Incident:
    assert len(changed) == 1, changed
    return changed[0]


@pytest.mark.req("R36")
def test_a_silence_is_first_a_quiet_suspicion_then_an_alarm_then_closed_with_its_true_times() -> None:
    engine = live_engine()
    quiet = only(engine.silence(suspected(0.5, 0)))
    assert (quiet.state, quiet.code, quiet.opened_at, quiet.meeting) == (IncidentState.SUSPECTED, "link.down", None, "m1")
    alarm = only(engine.silence(confirmed(1.1, 0)))
    assert (alarm.id, alarm.state, alarm.opened_at, alarm.severity) == (quiet.id, IncidentState.OPEN, s(1.1), Severity.CRITICAL)
    over = only(engine.silence(returned(10, 0)))
    assert (over.id, over.state, over.began_at, over.ended_at) == (quiet.id, IncidentState.CLOSED, s(0), s(10))
    assert over.spans == (Span(began_at=s(0), ended_at=s(10)),)
    assert over.figure == 10.0


@pytest.mark.req("R36")
def test_what_returns_before_confirmation_alarms_nobody_and_is_kept_as_a_figure() -> None:
    engine = live_engine()
    engine.silence(suspected(0.5, 0))
    over = only(engine.silence(returned(0.8, 0)))
    assert (over.state, over.alarmed, over.ended_at, over.figure) == (IncidentState.CLOSED, False, s(0.8), 0.8)


@pytest.mark.req("R36", "R31")
def test_the_sites_word_after_the_return_makes_times_and_place_exact() -> None:
    engine = live_engine()
    engine.silence(suspected(0.5, 0))
    engine.silence(confirmed(1.1, 0))
    engine.silence(returned(10, 0))
    exact = only(engine.event("a", outage(-0.02, 9.87, answered=("gateway",)), at=s(11)))
    assert (exact.state, exact.began_at, exact.ended_at) == (IncidentState.CLOSED, s(-0.02), s(9.87))
    assert (exact.place, exact.seen_by_site, exact.seen_by_center) == (Place.TSLCD, True, True)
    assert exact.figure == pytest.approx(9.89)


@pytest.mark.req("R36")
def test_the_sites_word_that_overtakes_the_return_waits_for_it_and_is_still_exact() -> None:
    engine = live_engine()
    engine.silence(confirmed(1.1, 0))
    still = only(engine.event("a", outage(-0.02, 9.87), at=s(9.95)))
    assert (still.state, still.began_at, still.ended_at) == (IncidentState.OPEN, s(-0.02), None)
    over = only(engine.silence(returned(10, 0)))
    assert (over.state, over.ended_at) == (IncidentState.CLOSED, s(9.87))


def test_the_site_can_tell_over_its_standby_link_while_the_center_only_suspects() -> None:
    engine = live_engine()
    quiet = only(engine.silence(suspected(0.5, 0)))
    alarm = only(engine.event("a", onset("link.center_unreachable", -0.02), at=s(0.7)))
    assert (alarm.id, alarm.state, alarm.began_at, alarm.seen_by_site) == (quiet.id, IncidentState.OPEN, s(-0.02), True)


def test_a_site_that_tells_first_and_the_centers_silence_are_one_incident() -> None:
    engine = live_engine()
    first = only(engine.event("a", onset("link.center_unreachable", 0), at=s(0.6)))
    both = only(engine.silence(suspected(0.7, 0.02)))
    assert both.id == first.id
    assert both.state is IncidentState.OPEN
    assert (both.seen_by_site, both.seen_by_center) == (True, True)
    engine.silence(confirmed(1.2, 0.02))
    assert len(engine.lasting()) == 1
    over = only(engine.silence(returned(8, 0.02)))
    assert (over.id, over.state) == (first.id, IncidentState.CLOSED)
    assert only(engine.event("a", cleared("link.center_unreachable", 0, 7.9), at=s(9))).ended_at == s(7.9)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_onset_interruption_clearance_and_the_centers_signals_merge_in_any_order_of_arrival(order: tuple[int, ...]) -> None:
    engine = live_engine()
    engine.silence(suspected(0.5, 0.01))
    engine.silence(confirmed(1.1, 0.01))
    steps = (
        lambda: engine.event("a", onset("link.center_unreachable", 0), at=s(11)),
        lambda: engine.event("a", outage(0, 10, answered=("gateway",)), at=s(11)),
        lambda: engine.event("a", cleared("link.center_unreachable", 0, 10), at=s(11)),
        lambda: engine.silence(returned(10.02, 0.01)),
    )
    changed = {one.id: one for index in order for one in steps[index]()}
    over = only(list(changed.values()))
    assert (over.state, over.began_at, over.ended_at, over.times) == (IncidentState.CLOSED, s(0), s(10), 1)
    assert not engine.lasting()


@pytest.mark.req("R48")
def test_a_clock_that_is_a_minute_wrong_is_corrected_when_the_two_ends_are_merged() -> None:
    engine = live_engine()
    engine.silence(confirmed(1.1, 0))
    engine.silence(returned(10, 0))
    exact = only(engine.event("a", outage(60.01, 69.95), at=s(11), offset_ms=60_000.0))
    assert (exact.began_at, exact.ended_at) == (s(0.01), s(9.95))


def test_a_witness_that_answers_means_the_agent_is_stale_and_the_link_is_not_blamed() -> None:
    engine = live_engine()
    quiet = only(engine.silence(suspected(0.5, 0)))
    changed = {one.code: one for one in engine.silence(confirmed(1.1, 0, witness=Witness.ANSWERED))}
    assert changed["link.down"].id == quiet.id
    assert (changed["link.down"].state, changed["link.down"].alarmed) == (IncidentState.CLOSED, False)
    stale = changed["agent.stale"]
    assert (stale.state, stale.began_at, stale.place) == (IncidentState.OPEN, s(0), Place.AGENT)
    over = only(engine.silence(returned(3, 0)))
    assert (over.id, over.state, over.ended_at) == (stale.id, IncidentState.CLOSED, s(3))


def test_a_stale_agent_whose_machine_falls_silent_too_becomes_a_lost_link() -> None:
    engine = live_engine()
    engine.silence(confirmed(1.1, 0, witness=Witness.ANSWERED))
    changed = {one.code: one for one in engine.silence(confirmed(20, 0, witness=Witness.SILENT))}
    assert changed["agent.stale"].state is IncidentState.CLOSED
    assert (changed["link.down"].state, changed["link.down"].began_at) == (IncidentState.OPEN, s(20))


def test_a_graceful_stop_in_a_meeting_is_no_broken_link() -> None:
    engine = live_engine()
    engine.stopped("a", s(0.1))
    engine.silence(suspected(0.6, 0.05))
    changed = {one.code: one for one in engine.silence(confirmed(1.2, 0.05))}
    assert changed["agent.stale"].state is IncidentState.OPEN
    assert changed["agent.stale"].details["cause"] == "planned"


@pytest.mark.req("R18")
def test_outside_a_meeting_neither_a_stop_nor_a_silence_is_an_incident() -> None:
    engine = Engine()
    assert engine.stopped("a", s(0)) == []
    assert engine.lost("a", since=s(0), at=s(100), path_up=False) == []
    assert engine.event("a", outage(0, 50, meeting=""), at=s(60)) == []


def test_a_confirmed_outage_that_only_the_site_saw_in_its_meeting_is_recorded_with_its_end() -> None:
    engine = Engine()
    alone = only(engine.event("a", outage(0, 50), at=s(60)))
    assert (alone.code, alone.state, alone.alarmed) == ("link.down", IncidentState.CLOSED, True)
    assert (alone.began_at, alone.ended_at, alone.seen_by_center) == (s(0), s(50), False)


def test_an_unconfirmed_interruption_makes_no_incident() -> None:
    assert live_engine().event("a", outage(0, 0.7, confirms=False), at=s(2)) == []


def test_the_mcu_alone_is_an_incident_of_its_own_and_part_of_the_outage_when_nothing_is_reached() -> None:
    engine = live_engine()
    alone = only(engine.event("a", onset("link.mcu_unreachable", 0), at=s(1)))
    assert (alone.code, alone.place) == ("link.mcu_unreachable", Place.MCU)
    engine.event("a", cleared("link.mcu_unreachable", 0, 5), at=s(6))
    engine.silence(confirmed(101.1, 100))
    engine.silence(returned(110, 100))
    assert engine.event("a", onset("link.mcu_unreachable", 100), at=s(111)) == []
    assert engine.event("a", cleared("link.mcu_unreachable", 100, 110), at=s(111)) == []


@pytest.mark.parametrize(
    ("answered", "place"),
    [
        ((), Place.GATEWAY),
        (("gateway",), Place.TSLCD),
        (("gateway", "mcu"), Place.CENTER),
        (("gateway", "center"), Place.MCU),
    ],
)
@pytest.mark.req("R31")
def test_the_place_follows_from_who_answered(answered: tuple[str, ...], place: Place) -> None:
    assert only(live_engine().event("a", outage(0, 10, answered=answered), at=s(11))).place is place


def test_a_pulled_cable_places_the_outage_in_the_sites_own_network() -> None:
    engine = live_engine()
    engine.event("a", onset("cables.carrier_lost", 0), at=s(11))
    assert only(engine.event("a", outage(0, 10), at=s(11))).place is Place.SITE_LAN


def test_a_fault_of_a_device_opens_at_its_onset_and_closes_at_its_end() -> None:
    engine = live_engine()
    howl = only(engine.event("b", onset("microphone.howling", 5, frequency_hz=1600.0, target="1"), at=s(6)))
    assert (howl.state, howl.began_at, howl.frequency_hz, howl.meeting) == (IncidentState.OPEN, s(5), 1600.0, "m1")
    over = only(engine.event("b", cleared("microphone.howling", 5, 9, target="1", worst=-12.0), at=s(10)))
    assert (over.state, over.ended_at, over.figure) == (IncidentState.CLOSED, s(9), -12.0)


@pytest.mark.req("R35")
def test_an_advisory_is_no_incident() -> None:
    engine = live_engine()
    assert engine.event("a", onset("camera.backlit", 0, severity=Severity.INFO), at=s(1)) == []
    assert engine.event("a", cleared("camera.backlit", 0, 5), at=s(6)) == []


def test_two_channels_that_die_at_the_same_moment_are_two_incidents() -> None:
    engine = live_engine()
    ids = {only(engine.event("a", onset("microphone.dead", 0, target=f"Kênh {channel}"), at=s(1))).id for channel in (1, 2)}
    assert ids == {"a-20261124T010000000-microphone.dead-kenh-1", "a-20261124T010000000-microphone.dead-kenh-2"}


def test_a_graver_telling_of_the_same_fault_raises_its_severity() -> None:
    engine = live_engine()
    first = only(engine.event("a", onset("camera.black", 0, severity=Severity.WARNING), at=s(1)))
    graver = only(engine.event("a", onset("camera.black", 0), at=s(5)))
    assert (graver.id, graver.severity) == (first.id, Severity.CRITICAL)


def test_a_flapping_fault_is_one_incident_with_a_count() -> None:
    engine = live_engine()
    for begins in (0, 20, 40):
        engine.event("a", onset("cables.carrier_lost", begins), at=s(begins + 1))
        changed = engine.event("a", cleared("cables.carrier_lost", begins, begins + 5), at=s(begins + 6))
    over = only(changed)
    assert (over.times, len(over.spans), over.began_at, over.ended_at) == (3, 3, s(0), s(45))
    apart = only(engine.event("a", onset("cables.carrier_lost", 120), at=s(121)))
    assert apart.id != over.id


def test_a_flapping_link_is_one_incident_and_a_suspicion_within_it_leaves_no_trace() -> None:
    engine = live_engine()
    engine.silence(confirmed(1.1, 0))
    first = only(engine.silence(returned(5, 0)))
    again = only(engine.silence(suspected(10.5, 10)))
    assert (again.id, again.state) == (first.id, IncidentState.SUSPECTED)
    assert only(engine.silence(returned(10.7, 10))) == first
    engine.silence(suspected(15.5, 15))
    assert only(engine.silence(confirmed(16.1, 15))).state is IncidentState.OPEN
    over = only(engine.silence(returned(20, 15)))
    assert (over.id, over.times, over.figure) == (first.id, 2, 10.0)
    exact = only(engine.event("a", outage(14.9, 19.8), at=s(21)))
    assert exact.spans == (Span(began_at=s(0), ended_at=s(5)), Span(began_at=s(14.9), ended_at=s(19.8)))


def test_many_sites_at_once_share_one_group_and_one_alone_has_none() -> None:
    engine = live_engine()
    engine.silence(confirmed(1.1, 0, site="a"))
    engine.silence(confirmed(1.2, 0.1, site="b"))
    assert {one.group for one in engine.lasting()} == {""}
    changed = engine.silence(confirmed(1.3, 0.2, site="c"))
    assert len(changed) == 3
    assert len({one.group for one in changed}) == 1
    assert changed[0].group
    late = only(engine.silence(confirmed(61.1, 60, site="d")))
    assert late.group == ""


def test_acknowledging_keeps_the_first_name_and_survives_a_flap() -> None:
    engine = live_engine()
    first = only(engine.silence(confirmed(1.1, 0)))
    named = only(engine.acknowledge(first.id, name="Lan", at=s(2)))
    assert (named.state, named.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "Lan")
    assert engine.acknowledge(first.id, name="Hùng", at=s(3)) == []
    engine.silence(returned(5, 0))
    assert only(engine.silence(confirmed(11.1, 10))).state is IncidentState.ACKNOWLEDGED


def test_after_a_restart_the_first_sign_of_life_ends_what_nobody_holds_any_more() -> None:
    before = live_engine()
    lasting = only(before.silence(confirmed(1.1, 0)))
    engine = live_engine(lasting)
    over = only(engine.heard("a", s(30)))
    assert (over.id, over.state, over.ended_at) == (lasting.id, IncidentState.CLOSED, s(30))
    assert only(engine.event("a", outage(0, 25), at=s(31))).ended_at == s(25)


def test_a_sign_of_life_over_the_standby_link_does_not_end_what_liveness_holds() -> None:
    engine = live_engine()
    engine.silence(confirmed(1.1, 0))
    assert engine.heard("a", s(5)) == []


def test_the_end_of_the_meeting_drops_a_suspicion_and_keeps_an_alarm() -> None:
    engine = live_engine()
    engine.silence(confirmed(1.1, 0, site="a"))
    engine.silence(suspected(9.5, 9, site="b"))
    changed = engine.duties({}, s(10))
    assert (only(changed).site, only(changed).state, only(changed).alarmed) == ("b", IncidentState.CLOSED, False)
    assert [one.site for one in engine.lasting()] == ["a"]
    assert only(engine.heard("a", s(20))).state is IncidentState.CLOSED


def test_missing_heartbeats_alarm_in_a_meeting_and_the_next_one_ends_it() -> None:
    engine = live_engine()
    stale = only(engine.lost("a", since=s(0), at=s(11), path_up=True))
    assert (stale.code, stale.state, stale.figure) == ("agent.stale", IncidentState.OPEN, 11.0)
    assert engine.lost("a", since=s(0), at=s(12), path_up=True) == []
    assert only(engine.heard("a", s(20))).ended_at == s(20)
    assert only(engine.lost("b", since=s(0), at=s(11), path_up=False)).code == "link.down"


def test_a_restarted_agent_names_the_cause_of_its_silence() -> None:
    engine = live_engine()
    engine.silence(confirmed(1.1, 0))
    engine.silence(returned(30, 0))
    told = only(engine.event("a", Lifecycle(what="started", at=s(29), cause="power_lost", last_seen_at=s(0)), at=s(31)))
    assert (told.details["cause"], told.place) == ("power_lost", Place.AGENT)


MOMENTS = st.floats(min_value=0, max_value=300, allow_nan=False).map(lambda moment: round(moment, 2))


@st.composite
def events(draw: st.DrawFn) -> Event:
    begins, length = draw(MOMENTS), draw(st.floats(min_value=0.05, max_value=60).map(lambda one: round(one, 2)))
    code = draw(st.sampled_from(["camera.black", "microphone.dead", "link.center_unreachable", "link.mcu_unreachable"]))
    kind = draw(st.sampled_from(["onset", "cleared", "interruption"]))
    if kind == "onset":
        return onset(code, begins, severity=draw(st.sampled_from(Severity)))
    if kind == "cleared":
        return cleared(code, begins, begins + length)
    return outage(begins, begins + length, answered=draw(st.sampled_from([(), ("gateway",), ("gateway", "mcu")])))


@st.composite
def signals(draw: st.DrawFn) -> SilenceSignal:
    since = draw(MOMENTS)
    kind = draw(st.sampled_from([suspected, confirmed, returned]))
    return kind(since + 1.1, since, draw(st.sampled_from(SITES)))


def feed(engine: Engine, inputs: list[Event | SilenceSignal], *, times: int = 1) -> dict[str, Incident]:
    known: dict[str, Incident] = {}
    for one in inputs:
        for _ in range(times):
            changed = engine.silence(one) if isinstance(one, SilenceSignal) else engine.event("a", one, at=s(400))
            known |= {incident.id: incident for incident in changed}
    return known


@given(st.lists(st.one_of(events(), signals()), max_size=25))
def test_whatever_comes_an_incident_never_ends_before_it_began_and_its_spans_are_its_times(inputs: list[Event | SilenceSignal]) -> None:
    for incident in feed(live_engine(), inputs).values():
        assert incident.began_at == incident.spans[0].began_at
        assert incident.ended_at == incident.spans[-1].ended_at
        assert all(span.ended_at is None or span.began_at <= span.ended_at for span in incident.spans)
        assert (incident.state is IncidentState.CLOSED) == (incident.ended_at is not None)
        assert incident.times >= len(incident.spans)
        assert incident.state is not IncidentState.OPEN or incident.alarmed


@given(st.lists(st.one_of(events(), signals()), max_size=25))
def test_what_comes_twice_in_a_row_changes_nothing_the_second_time(inputs: list[Event | SilenceSignal]) -> None:
    assert feed(live_engine(), inputs, times=2) == feed(live_engine(), inputs)


@given(st.lists(st.one_of(events(), signals()), max_size=20))
def test_no_site_ever_has_two_lasting_losses_of_its_link_as_the_center_sees_it(inputs: list[Event | SilenceSignal]) -> None:
    engine = live_engine()
    feed(engine, inputs)
    seen = [one.site for one in engine.lasting() if one.code in {"link.down", "agent.stale"} and one.seen_by_center]
    assert len(seen) == len(set(seen))


@st.composite
def journals(draw: st.DrawFn) -> list[Event]:
    """What one agent can write: of each fault one begin and one end after the other (its debouncing sees to that), in time's order."""
    written: list[tuple[float, Event]] = []
    for code in ("camera.black", "microphone.dead", "link.down"):
        severity = Severity.CRITICAL if code == "link.down" else draw(st.sampled_from(Severity))
        edges = sorted(draw(st.lists(MOMENTS, max_size=6, unique=True)))
        for begins, ends in itertools.zip_longest(edges[::2], edges[1::2]):
            written.append((begins, onset(code, begins, severity=severity)))
            if ends is not None:
                written.append((ends, cleared(code, begins, ends)))
            if ends is not None and code == "link.down":
                written.append((ends, outage(begins, ends, answered=("gateway",))))
    return [event for _, event in sorted(written, key=lambda one: one[0])]


@given(journals())
def test_the_journal_told_again_after_a_restart_opens_nothing_new(inputs: list[Event]) -> None:
    first = live_engine()
    before = feed(first, list(inputs))
    again = feed(live_engine(*before.values()), list(inputs))
    assert again.keys() <= before.keys()
    lasting = {one.id for one in before.values() if one.state is not IncidentState.CLOSED}
    assert {one.id for one in again.values() if one.state is not IncidentState.CLOSED} <= lasting


def test_rules_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Rules().group_sites = 2  # type: ignore[misc]
    assert msgspec.json.decode(msgspec.json.encode(Rules()), type=Rules) == Rules()
