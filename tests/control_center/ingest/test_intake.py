"""What is read, what is refused, and for what reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.findings import State, Verdict
from contract.messages import MAX_PAYLOAD_BYTES, ComponentState
from contract.topics import Kind, center_status, site_topic
from control_center.ingest.intake import Accepted, Arrived, Refused, place_of, read

if TYPE_CHECKING:
    from tests.control_center.ingest.conftest import Post

EVENTS = site_topic("an-nhon", Kind.EVENT)


def test_a_good_message_keeps_its_payload_as_it_was_written(post: Post) -> None:
    arrived = post.arrived(post.event(), Kind.EVENT, 7)
    newer = msgspec.json.decode(arrived.payload)
    newer["data"]["a_key_of_tomorrow"] = {"x": [1, 2.50]}
    item = read(arrived._replace(payload=msgspec.json.encode(newer)))
    assert isinstance(item, Accepted)
    assert item.message.payload == post.event()
    assert msgspec.json.decode(item.data)["a_key_of_tomorrow"] == {"x": [1, 2.5]}


def changed(arrived: Arrived, **attributes: object) -> Arrived:
    envelope = msgspec.json.decode(arrived.payload)
    return arrived._replace(payload=msgspec.json.encode(envelope | attributes))


def test_each_way_to_be_wrong_has_its_reason_and_its_place(post: Post) -> None:
    good = post.arrived(post.event(), Kind.EVENT, 7)
    place = ("an-nhon", "b1", 7)
    cases: list[tuple[Arrived, str, tuple[str, str, int] | None]] = [
        (good._replace(payload=b"\xff\xfe garbage"), "garbage", None),
        (good._replace(payload=good.payload[:-9]), "garbage", place),
        (good._replace(payload=b""), "garbage", None),
        (good._replace(payload=good.payload + b" " * MAX_PAYLOAD_BYTES), "oversized", place),
        (changed(good, type="diemcau.evt.v9"), "version", place),
        (changed(good, specversion="2.0"), "version", place),
        (changed(good, id="hoai-nhon:b1:7"), "identity", None),
        (changed(good, id="an-nhon:b1:99999999999999999"), "identity", None),
        (changed(good, data={"type": "onset"}), "data", place),
        (changed(good, data={"type": "unheard-of"}), "data", place),
        (changed(good, time="2026-03-02T01:30:00"), "data", place),
        (good._replace(topic="diemcau/v1/an-nhon/ack"), "version", None),
        (good._replace(topic="diemcau/v2/an-nhon/evt"), "topic", None),
        (post.arrived(post.event(), Kind.EVENT)._replace(topic="diemcau/v1/AN NHON/evt"), "topic", None),
    ]
    for arrived, reason, where in cases:
        item = read(arrived)
        assert isinstance(item, Refused), (reason, item)
        assert (item.reason, item.place) == (reason, where), item


def test_only_journal_rows_have_a_place(post: Post) -> None:
    good = post.arrived(post.event(), Kind.EVENT, 7)
    assert place_of(good) == ("an-nhon", "b1", 7)
    assert place_of(good._replace(topic=site_topic("an-nhon", Kind.HEARTBEAT))) is None
    assert place_of(good._replace(topic=site_topic("hoai-nhon", Kind.EVENT))) is None, "another site's row is not its to settle"


def test_our_own_status_and_emptied_topics_are_passed_over(post: Post) -> None:
    assert read(Arrived(center_status(), b"{}", post.at)) is None
    assert read(Arrived(site_topic("an-nhon", Kind.STATUS), b"", post.at)) is None


@given(st.binary(max_size=300))
def test_no_payload_is_fatal(payload: bytes) -> None:
    for kind in (Kind.EVENT, Kind.FIGURES, Kind.STATUS, Kind.HEARTBEAT):
        item = read(Arrived(site_topic("an-nhon", kind), payload, datetime(2026, 1, 1, tzinfo=UTC)))
        assert isinstance(item, Refused) or (item is None and not payload)


@pytest.mark.parametrize("component", ["", "x" * 81])
def test_a_components_name_is_bounded(component: str, post: Post) -> None:
    state = ComponentState(verdict=Verdict(component="camera", state=State.OK, at=post.at))
    good = post.arrived(state, Kind.COMPONENT, rest="camera")
    assert isinstance(read(good), Accepted)
    item = read(good._replace(topic=f"diemcau/v1/an-nhon/dev/{component}"))
    assert isinstance(item, Refused)
    assert item.reason == "topic"
