"""From the store to the form: names, clocks, what belongs to the meeting."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from contract.catalog import FormLine
from contract.meetings import Role
from contract.messages import Event
from control_center.incidents.model import Place
from control_center.logbook import UnknownMeetingError, collect
from control_center.logbook.evidence import Record
from control_center.logbook.form import FormDocument, Tick
from control_center.store import incidents, registry
from control_center.store.base import Base
from control_center.store.database import open_store
from control_center.store.journal import EventRow


class Store:
    """A real database with a registered meeting of three sites."""

    def __init__(self, engine: Engine, story: Any) -> None:
        self.engine, self.story = engine, story
        Base.metadata.create_all(engine)
        sites = (
            registry.Site(id="tinh", name="Phòng họp 1", ssid=1, unit="Văn phòng UBND tỉnh"),
            registry.Site(id="hoai-nhon", name="Hoa\u0300i Nho\u031bn", ssid=2),
            registry.Site(id="tinh-2", name="Phòng họp 2", ssid=3, unit="Sở Nội vụ"),
        )
        registry.save_sites(engine, sites)
        parts = (("tinh", Role.MAIN), ("hoai-nhon", Role.BRANCH), ("tinh-2", Role.BRANCH))
        record = registry.MeetingRecord(
            id="hop-1",
            title="Giao ban",
            organizer="UBND tỉnh",
            plan=story.plan,
            sites=tuple(registry.MeetingSite(site=site, role=role) for site, role in parts),
            registered_at=story.at("07:00:00", day=18),
        )
        registry.save_meeting(engine, record)

    def put(self, record: Record, *, site: str = "tinh", meeting: str = "hop-1", offset: timedelta = timedelta(), data: str = "") -> None:
        """Store an event as ingest does; its instants are already by the site's clock."""
        _, boot, seq = record.id.split(":")
        event: Event = record.event
        row = EventRow(
            site=site,
            boot=boot,
            seq=int(seq),
            type=str(event.__struct_config__.tag),
            meeting=meeting,
            time=record.at,
            clock_offset_ms=offset / timedelta(milliseconds=1),
            received_at=record.at,
            data=data or msgspec.json.encode(event).decode(),
        )
        with Session(self.engine) as session, session.begin():
            session.add(row)

    def form(self) -> FormDocument:
        return collect(self.engine, "hop-1", at=self.story.at("10:16:00"), faults=self.story.faults)


@pytest.fixture
def store(tmp_path: Path, story: Any) -> Iterator[Store]:
    engine = open_store(tmp_path)
    yield Store(engine, story)
    engine.dispose()


@pytest.mark.req("R39")
def test_a_form_is_drawn_from_what_is_stored(store: Store, story: Any) -> None:
    store.put(story.check())
    drop = story.incident("link.down", "09:12:03", "09:12:25", place=Place.TSLCD, site="hoai-nhon", meeting="hop-1")
    incidents.save(store.engine, [drop], story.at("09:13:00"))
    document = store.form()
    assert (document.title, document.organizer, document.drafted_at) == ("Giao ban", "UBND tỉnh", story.at("10:16:00"))
    assert [(row.name, row.tick) for row in document.rows] == [
        ("Văn phòng UBND tỉnh", Tick.NORMAL),
        ("Hoài Nhơn", Tick.WRONG),
        ("Sở Nội vụ", Tick.NEITHER),
    ]
    assert document.main[0].line(FormLine.CAMERA).basis.evidence == ("tinh:b1:1",)
    assert document.branches[0].description == ("Mất kết nối đường TSLCD từ 09:12:03 đến 09:12:25 (22 giây).",)
    assert document.branches[0].basis.evidence == (drop.id,)


def test_a_meeting_that_nobody_registered_is_refused(store: Store) -> None:
    with pytest.raises(UnknownMeetingError):
        collect(store.engine, "other")


def test_two_rooms_of_one_unit_are_told_apart(store: Store) -> None:
    registry.save_sites(store.engine, [registry.Site(id="tinh-2", name="Phòng họp 2", ssid=3, unit="Văn phòng UBND tỉnh")])
    assert [row.name for row in store.form().rows] == [
        "Văn phòng UBND tỉnh (Phòng họp 1)",
        "Hoài Nhơn",
        "Văn phòng UBND tỉnh (Phòng họp 2)",
    ]


@pytest.mark.req("R46")
def test_what_a_room_is_registered_not_to_have_is_said_even_of_a_silent_site(store: Store) -> None:
    site = registry.Site(id="tinh", name="A", ssid=1, capabilities={"codec": "none", "camera": "own"})
    registry.save_sites(store.engine, [site])
    row = store.form().main[0]
    assert row.line(FormLine.CODEC).note == "Không trang bị"
    assert row.line(FormLine.CAMERA).note == "Chưa kiểm tra sau cuộc họp"


@pytest.mark.req("R48")
def test_a_site_clock_that_is_a_minute_ahead_leaves_the_told_times_right(store: Store, story: Any) -> None:
    ahead = timedelta(seconds=60)
    store.put(story.onset("camera.covered", "09:01:00", target="1"), offset=ahead)
    store.put(story.cleared("camera.covered", "09:01:00.050", "09:01:30.050", target="1"), offset=ahead + timedelta(milliseconds=50))
    store.put(story.check(clock="10:03:00"), offset=ahead)
    row = store.form().main[0]
    assert row.description == ("Camera bị che từ 09:00:00 đến 09:00:30 (30 giây).",)
    assert row.tick is Tick.WRONG


@pytest.mark.req("R48")
def test_a_check_that_only_a_wrong_clock_puts_after_the_meeting_is_not_the_last_check(store: Store, story: Any) -> None:
    check = story.check(clock="10:02:00")
    event = msgspec.structs.replace(check.event, phase="live")
    store.put(msgspec.structs.replace(check, event=event), offset=timedelta(minutes=30))
    assert store.form().main[0].tick is Tick.NEITHER


def test_events_of_another_meeting_of_the_same_sites_stay_out(store: Store, story: Any) -> None:
    store.put(story.check(), meeting="hop-2")
    assert store.form().main[0].note == "Chưa kết luận: không nhận được số liệu nào từ điểm cầu"


def test_events_that_name_no_meeting_count_when_they_were_written_within_its_phases(store: Store, story: Any) -> None:
    store.put(story.check(), meeting="")
    long_ago = story.onset("camera.absent", "05:00:00")
    store.put(msgspec.structs.replace(long_ago, at=story.at("05:00:00", day=22)), meeting="")
    row = store.form().main[0]
    assert (row.tick, row.description) == (Tick.NORMAL, ())


def test_an_event_that_cannot_be_read_is_left_out_and_logged(store: Store, story: Any, caplog: pytest.LogCaptureFixture) -> None:
    store.put(story.check())
    store.put(story.check(), data='{"type":"of tomorrow"}')
    with caplog.at_level(logging.WARNING):
        assert store.form().main[0].tick is Tick.NORMAL
    assert "tinh:b1:2" in caplog.text
