from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import topics
from contract.catalog import FAULTS, METRICS, finding, missing
from contract.findings import Component, Finding, Severity, State, Verdict
from contract.meetings import Meeting, Participation, Phase, Plan, Role, Window
from contract.messages import (
    MAX_CLOCK_OFFSET_MS,
    MAX_NUMBER,
    MAX_PAYLOAD_BYTES,
    MAX_SEQ,
    Ack,
    Agenda,
    CheckDone,
    CheckReason,
    Cleared,
    Command,
    ComponentState,
    Figures,
    Heartbeat,
    Interruption,
    Lifecycle,
    Limits,
    Onset,
    Overflow,
    Payload,
    Presence,
    RefusedError,
    Rejected,
    Rollup,
    Status,
    decode,
    encode,
)
from contract.readings import Failure, Reading
from contract.topics import Kind, Topic

NOW = datetime(2026, 11, 23, 2, 0, 0, 123456, tzinfo=UTC)
GOLDEN = Path(__file__).parent.parent / "testdata" / "messages"

finite = st.floats(-MAX_NUMBER, MAX_NUMBER)
offsets = st.floats(-MAX_CLOCK_OFFSET_MS, MAX_CLOCK_OFFSET_MS)
words = st.text(max_size=30)
seconds = st.floats(0, 1e6)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
phases = st.sampled_from(Phase)
components = st.sampled_from(Component)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    begins_at = draw(instants)
    return Window(begins_at=begins_at, ends_at=begins_at + timedelta(seconds=draw(st.floats(0.001, 1e6))))


figures_or_failures = st.one_of(
    st.builds(Reading, metric=words, at=instants, value=finite, failure=st.none(), unit=words, target=words),
    st.builds(Reading, metric=words, at=instants, value=st.none(), failure=st.sampled_from(Failure), unit=words, target=words),
)
findings = st.builds(
    Finding,
    code=words,
    severity=st.sampled_from(Severity),
    component=components.map(str),
    figure=st.none() | finite,
    since=st.none() | instants,
    details=st.dictionaries(words, finite | words, max_size=3),
)
verdicts = st.builds(
    Verdict, component=components.map(str), state=st.sampled_from(State), at=instants, findings=st.lists(findings, max_size=2).map(tuple)
)
readings = st.lists(figures_or_failures, max_size=3).map(tuple)
rollups = st.builds(Rollup, metric=words, unit=words, count=st.integers(0, 10**6), p50=st.none() | finite, maximum=st.none() | finite)
plans = st.builds(Plan, live=windows(), wrap_up=windows(), precheck=windows(), rehearsal=st.none() | windows())
meetings = st.builds(
    Meeting,
    id=words,
    title=words,
    organizer=words,
    plan=plans,
    participations=st.lists(st.builds(Participation, site=words, role=st.sampled_from(Role)), max_size=3).map(tuple),
)
ranges = st.lists(st.tuples(st.integers(0, MAX_SEQ), st.integers(0, MAX_SEQ)), max_size=4).map(tuple)
events = st.one_of(
    st.builds(Onset, finding=findings, phase=phases),
    st.builds(Cleared, code=words, component=words, began_at=instants, ended_at=instants, worst=st.none() | finite),
    st.builds(
        Interruption,
        began_at=instants,
        ended_at=instants,
        duration_s=seconds,
        targets=st.lists(words, max_size=2).map(tuple),
        confirmed=st.booleans(),
    ),
    st.builds(
        CheckDone,
        check=words,
        phase=phases,
        reason=st.sampled_from(CheckReason),
        began_at=instants,
        ended_at=instants,
        verdicts=st.lists(verdicts, max_size=2).map(tuple),
        readings=readings,
    ),
    st.builds(Lifecycle, what=words, at=instants, last_seen_at=st.none() | instants),
    st.builds(Overflow, dropped=st.dictionaries(words, st.integers(0, 10**6), max_size=2), at=instants),
)
payloads: st.SearchStrategy[tuple[Kind, Payload]] = st.one_of(
    st.tuples(st.just(Kind.STATUS), st.builds(Status, boot=words, state=st.sampled_from(Presence), at=instants)),
    st.tuples(st.just(Kind.COMPONENT), st.builds(ComponentState, verdict=verdicts, readings=readings, phase=phases)),
    st.tuples(st.just(Kind.EVENT), events),
    st.tuples(
        st.just(Kind.FIGURES), st.builds(Figures, begins_at=instants, ends_at=instants, rollups=st.lists(rollups, max_size=3).map(tuple))
    ),
    st.tuples(st.just(Kind.HEARTBEAT), st.builds(Heartbeat, boot=words, at=instants, uptime_s=seconds)),
    st.tuples(
        st.just(Kind.ACK),
        st.builds(
            Ack,
            boot=words,
            stored=ranges,
            rejected=st.lists(st.builds(Rejected, seq=st.integers(0, MAX_SEQ), reason=words), max_size=2).map(tuple),
        ),
    ),
    st.tuples(st.just(Kind.AGENDA), st.builds(Agenda, issued_at=instants, meetings=st.lists(meetings, max_size=2).map(tuple))),
    st.tuples(st.just(Kind.LIMITS), st.builds(Limits, version=words, limits=st.just({"camera": {"luma_max": 0.9}}))),
    st.tuples(st.just(Kind.COMMAND), st.builds(Command, id=words, name=words, at=instants)),
)


def topic_text(kind: Kind, site: str = "hoai-nhon") -> str:
    if kind is Kind.AGENDA:
        return topics.agenda(site)
    return topics.site_topic(site, kind, {Kind.COMPONENT: "camera", Kind.COMMAND: "check"}.get(kind, ""))


@given(payloads, instants, st.integers(0, MAX_SEQ), st.none() | offsets)
def test_every_message_comes_back_as_it_was_sent(sent: tuple[Kind, Payload], time: datetime, seq: int, offset: float | None) -> None:
    kind, payload = sent
    text = topic_text(kind)
    topic = topics.parse(text)
    assert topic is not None
    message = decode(text, encode(topic, payload, boot="b00t", seq=seq, time=time, clock_offset_ms=offset))
    assert message.payload == payload
    assert (message.boot, message.seq, message.time, message.clock_offset_ms, message.topic) == ("b00t", seq, time, offset, topic)


EVENT = Topic("hoai-nhon", Kind.EVENT)
EVENT_TOPIC = topics.site_topic("hoai-nhon", Kind.EVENT)
ONSET = Onset(finding=finding("agent.stale", Phase.LIVE, figure=2.5, limit=1.0, unit="s", since=NOW), phase=Phase.LIVE, meeting="m1")


def good() -> dict[str, object]:
    loaded: dict[str, object] = json.loads(encode(EVENT, ONSET, boot="b1", seq=7, time=NOW))
    return loaded


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"specversion": "2.0"}, "version"),
        ({"type": "diemcau.evt.v9"}, "version"),
        ({"id": "quy-nhon:b1:7"}, "identity"),
        ({"id": "hoai-nhon:b1:-7"}, "identity"),
        ({"id": "hoai-nhon:b1:٣"}, "identity"),
        ({"id": "hoai-nhon:b1:99999999999999999999"}, "identity"),
        ({"id": "hoai-nhon::7"}, "identity"),
        ({"time": "2026-11-23T09:00:00"}, "data"),
        ({"data": {"type": "onset"}}, "data"),
        ({"data": {"type": "unheard_of"}}, "data"),
        ({"data": []}, "data"),
        ({"time": "yesterday"}, "garbage"),
    ],
)
def test_a_payload_that_cannot_be_used_is_refused_with_one_word(change: dict[str, object], reason: str) -> None:
    with pytest.raises(RefusedError) as refused:
        decode(EVENT_TOPIC, json.dumps(good() | change).encode())
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "change",
    [
        {"since": "2026-11-23T09:00:00"},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"since": "9999-12-31T23:59:59Z"},
        {"figure": 1e300},
        {"figure": 10**400},
        {"details": {"times": -1e300}},
    ],
)
def test_times_and_numbers_that_cannot_be_reckoned_with_are_refused_however_deep_they_lie(change: dict[str, object]) -> None:
    """They would break whoever calculates with them: the form, the board, the engine that is told the journal at each start."""
    spoilt = good()
    data = spoilt["data"]
    assert isinstance(data, dict)
    data["finding"] |= change
    with pytest.raises(RefusedError) as refused:
        decode(EVENT_TOPIC, json.dumps(spoilt).encode())
    assert refused.value.reason == "data"


@pytest.mark.parametrize("offset_ms", [1e18, -1e18])
def test_a_clock_that_cannot_be_so_wrong_is_refused(offset_ms: float) -> None:
    with pytest.raises(RefusedError) as refused:
        decode(EVENT_TOPIC, json.dumps(good() | {"clockoffsetms": offset_ms}).encode())
    assert refused.value.reason == "data"


@pytest.mark.parametrize("payload", [b"", b"\x00\xff", b"null", b"[" * 100_000, b'{"specversion":"1.0"}', "điểm cầu".encode("utf-16")])
def test_garbage_is_refused_as_garbage(payload: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        decode(EVENT_TOPIC, payload)
    assert refused.value.reason == "garbage"


def test_an_oversized_payload_is_refused_unread() -> None:
    with pytest.raises(RefusedError) as refused:
        decode(EVENT_TOPIC, b"{" * (MAX_PAYLOAD_BYTES + 1))
    assert refused.value.reason == "oversized"


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_refusal(payload: bytes) -> None:
    with pytest.raises(RefusedError):
        decode(EVENT_TOPIC, payload)


def test_keys_and_codes_of_a_newer_peer_are_tolerated() -> None:
    newer = good()
    data = newer["data"]
    assert isinstance(data, dict)
    data["mood"] = "curious"
    data["finding"] |= {"code": "camera.upside_down", "colour": 7}
    message = decode(EVENT_TOPIC, json.dumps(newer | {"traceparent": "00-ab"}).encode())
    assert isinstance(message.payload, Onset)
    assert message.payload.finding.code == "camera.upside_down"


@pytest.mark.req("R9")
def test_no_message_has_a_field_for_picture_or_sound() -> None:
    """Every leaf of every type is a number, a time, a word or a flag; nothing carries bytes."""
    _, schemas = msgspec.json.schema_components(
        [Status, ComponentState, Heartbeat, Figures, Onset, Cleared, Interruption, CheckDone, Lifecycle]
    )
    text = json.dumps(schemas)
    assert "contentEncoding" not in text
    assert not any(word in text.lower() for word in ("picture", "image", "frame_jpeg", "samples", "audio"))


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("v*/*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_older_agents_sent_is_still_read(path: Path) -> None:
    recorded = json.loads(path.read_text(encoding="utf-8"))
    message = decode(recorded["topic"], json.dumps(recorded["payload"]).encode())
    assert message.id == recorded["payload"]["id"]


def test_there_is_a_golden_message_of_every_kind() -> None:
    kinds = {topics.parse(json.loads(path.read_text(encoding="utf-8"))["topic"]).kind for path in GOLDEN.glob("v1/*.json")}  # type: ignore[union-attr]
    assert kinds == set(Kind)


def test_a_metric_that_nobody_declared_cannot_be_read() -> None:
    with pytest.raises(KeyError):
        missing("camera.charm", Failure.TIMEOUT, at=NOW)


def test_every_name_in_the_catalog_begins_with_its_component() -> None:
    for name in [*METRICS, *FAULTS]:
        assert Component(name.partition(".")[0])
