"""Debouncing: no look is an event by itself, every end has a begin, and a flapping fault is one event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.findings import Finding, Severity
from contract.messages import Cleared, Onset
from edge_agent.debounce import AT_ONCE, Debouncer, Policy

T0 = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
Events = list[tuple[datetime, Onset | Cleared]]


def fault(code: str = "camera.black", target: str = "", figure: float | None = None, limit: float | None = None) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, component=code.partition(".")[0], target=target, figure=figure, limit=limit)


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


def play(looks: str, debouncer: Debouncer | None = None, step_s: float = 1.0, policy: Policy | None = None) -> Events:
    """``#`` = seen, ``.`` = not seen, ``?`` = nothing could be measured; one look a step."""
    debouncer = debouncer or Debouncer()
    told: Events = []
    for index, look in enumerate(looks):
        found = [fault()] if look == "#" else []
        told += [
            (at(index * step_s), event)
            for event in debouncer.look("camera", found, at(index * step_s), measured=look != "?", policy=policy)
        ]
    return told


def test_one_look_is_no_event() -> None:
    assert play(".#.....") == []


def test_two_of_three_looks_are_told_with_the_first_as_begin() -> None:
    ((told_at, onset),) = play("..#.#")
    assert isinstance(onset, Onset)
    assert (told_at, onset.finding.since) == (at(4), at(2))


def test_one_clean_look_does_not_end_it_and_two_do_from_the_first() -> None:
    told = play("##.##..")
    assert [type(event) for _, event in told] == [Onset, Cleared]
    cleared = told[1][1]
    assert isinstance(cleared, Cleared)
    assert (cleared.began_at, cleared.ended_at, cleared.times) == (at(0), at(5), 2)


def test_what_was_not_measured_ends_nothing() -> None:
    assert [type(event) for _, event in play("##????????")] == [Onset]


def test_an_absent_camera_is_over_when_another_reason_is_given() -> None:
    debouncer = Debouncer()
    debouncer.look("camera", [fault("camera.absent")], at(0), measured=False)
    debouncer.look("camera", [fault("camera.absent")], at(1), measured=False)
    told = [event for second in (2, 3) for event in debouncer.look("camera", [fault("camera.busy")], at(second), measured=False)]
    assert [type(event) for event in told] == [Onset, Cleared]


def test_a_probe_that_hangs_says_nothing_of_an_absent_camera() -> None:
    debouncer = Debouncer()
    for second in (0, 1):
        debouncer.look("camera", [fault("camera.absent")], at(second), measured=False)
    for second in range(2, 9):
        debouncer.look("camera", [fault("agent.probe_timeout", "camera")], at(second), measured=False)
    assert {found.code for found in debouncer.standing()} == {"camera.absent", "agent.probe_timeout"}


def test_a_target_that_could_not_be_measured_keeps_its_fault() -> None:
    debouncer = Debouncer(AT_ONCE)
    debouncer.look("link", [fault("link.loss", "mcu"), fault("link.loss", "center")], at(0))
    told = debouncer.look("link", [], at(1), unmeasured_targets={"mcu"})
    assert [(type(event), getattr(event, "target", "")) for event in told] == [(Cleared, "center")]


def test_a_flapping_fault_becomes_one_event_that_says_how_often() -> None:
    told = play("##.." * 8 + "." * 80)
    onsets = [event for _, event in told if isinstance(event, Onset)]
    last = told[-1][1]
    assert isinstance(last, Cleared)
    assert len(onsets) <= Policy().flaps
    assert last.times >= 5
    assert last.ended_at == at(30)


def test_a_watch_is_believed_at_once_and_gives_the_true_end() -> None:
    debouncer = Debouncer()
    (onset,) = debouncer.look("watch", [fault("microphone.howling")], at(5), policy=AT_ONCE, alone=True)
    (cleared,) = debouncer.retract(("microphone.howling", ""), at(7))
    assert isinstance(onset, Onset)
    assert isinstance(cleared, Cleared)
    assert (cleared.began_at, cleared.ended_at) == (at(5), at(7))
    assert debouncer.retract(("microphone.howling", ""), at(8)) == []


def test_a_look_at_one_fault_alone_says_nothing_of_the_others() -> None:
    debouncer = Debouncer(AT_ONCE)
    debouncer.look("watch", [fault("microphone.hum")], at(0))
    told = debouncer.look("watch", [fault("microphone.howling")], at(1), alone=True)
    assert [type(event) for event in told] == [Onset]


def test_one_source_does_not_end_what_another_told() -> None:
    debouncer = Debouncer(AT_ONCE)
    debouncer.look("watch", [fault("link.down")], at(0))
    assert debouncer.look("link", [], at(1)) == []
    debouncer.adopt("watch", "link")
    assert [type(event) for event in debouncer.look("link", [], at(2))] == [Cleared]


def test_a_restart_keeps_the_open_faults_and_their_begin() -> None:
    before = Debouncer()
    play("##", before)
    after = Debouncer()
    after.restore(before.keep())
    assert [found.since for found in after.standing()] == [at(0)]
    told = [event for second in (10, 11) for event in after.look("camera", [], at(second))]
    assert [(type(event), getattr(event, "began_at", None)) for event in told] == [(Cleared, at(0))]


@pytest.mark.parametrize(("figures", "limit", "worst"), [([30, 90, 60], 20, 90), ([5, 2, 4], 10, 2)])
def test_the_worst_figure_is_on_the_far_side_of_the_limit(figures: list[float], limit: float, worst: float) -> None:
    debouncer = Debouncer(AT_ONCE)
    for second, figure in enumerate(figures):
        debouncer.look("link", [fault("link.loss", figure=figure, limit=limit)], at(second))
    (cleared,) = debouncer.look("link", [], at(9))
    assert isinstance(cleared, Cleared)
    assert cleared.worst == worst


def test_more_looks_are_wanted_only_while_something_is_undecided() -> None:
    debouncer = Debouncer()
    debouncer.look("camera", [fault()], at(0))
    assert debouncer.undecided("camera")
    assert not debouncer.undecided("link")
    debouncer.look("camera", [fault()], at(1))
    assert not debouncer.undecided("camera")
    debouncer.look("camera", [], at(2))
    assert debouncer.undecided("camera")
    debouncer.look("camera", [], at(3))
    assert not debouncer.undecided("camera")


_POLICIES = st.builds(
    lambda sightings, more, clean, flaps: Policy(sightings=sightings, window=sightings + more, clean=clean, flaps=flaps),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(1, 5),
)
_LOOKS = st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.booleans(), st.floats(0.1, 120)), max_size=60)


@given(_POLICIES, _LOOKS)
def test_whatever_is_seen_onset_and_end_alternate_and_fit(policy: Policy, looks: list[tuple[set[str], bool, float]]) -> None:
    debouncer = Debouncer(policy)
    open_since: dict[str, datetime] = {}
    sightings: dict[str, set[datetime]] = {}
    now = T0
    for seen, measured, step_s in looks:
        now += timedelta(seconds=step_s)
        for letter in seen:
            sightings.setdefault(letter, set()).add(now)
        for event in debouncer.look("camera", [fault(f"camera.{letter}") for letter in sorted(seen)], now, measured=measured):
            if isinstance(event, Onset):
                letter = event.finding.code[-1]
                assert letter not in open_since, "two onsets without an end"
                assert event.finding.since in sightings[letter], "a begin that nobody saw"
                open_since[letter] = event.finding.since
            else:
                letter = event.code[-1]
                assert open_since.pop(letter) == event.began_at, "an end without its onset"
                assert event.began_at <= event.ended_at <= now
                assert event.times >= 1
    assert {found.code[-1] for found in debouncer.standing()} == set(open_since)


@given(_LOOKS)
def test_what_is_never_seen_is_never_told(looks: list[tuple[set[str], bool, float]]) -> None:
    debouncer, now = Debouncer(), T0
    for _, measured, step_s in looks:
        now += timedelta(seconds=step_s)
        assert debouncer.look("camera", [], now, measured=measured) == []
