"""A meeting with every field of Phụ lục I, and the sites it is held at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from control_center.meetings.registration import Attendance, register
from control_center.store import registry
from control_center.store.registry import MeetingRecord, Need, Site

BEGINS = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
REGISTERED = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)


@pytest.fixture
def room(engine: Engine) -> dict[str, Site]:
    """Registered sites by id."""
    wanted = [
        Site(id="van-phong", name="Văn phòng UBND tỉnh", ssid=0, address="01 Trần Phú, Quy Nhơn"),
        Site(id="hoai-nhon", name="UBND thị xã Hoài Nhơn", ssid=0, address="04 Bạch Đằng, Bồng Sơn"),
        Site(id="an-lao", name="UBND huyện An Lão", ssid=0),
    ]
    return {site.id: site for site in registry.save_sites(engine, wanted)}


@pytest.fixture
def filled(engine: Engine, room: dict[str, Site]) -> MeetingRecord:
    """A registered meeting that leaves no field of the form empty."""
    return register(
        engine,
        title="Họp phòng, chống thiên tai; <b>khẩn</b>",
        organizer="Văn phòng UBND tỉnh",
        main="van-phong",
        branches=["hoai-nhon", "an-lao"],
        begins_at=BEGINS,
        ends_at=BEGINS + timedelta(hours=3),
        registered_at=REGISTERED,
        who_comes={"hoai-nhon": Attendance(12, "Bà Hoa, 0905 111 222"), "an-lao": Attendance(None, 'Ông "Tư" 0256')},
        more={
            "place": "Phòng họp A",
            "chair": "Nguyễn Văn A",
            "chair_position": "Phó Chủ tịch",
            "technician": "Trần Văn B",
            "phone": "0905 123 456",
            "basis": "Công văn số 123/UBND-KT ngày 02/11/2026",
            "needs": (Need.VIDEO, Need.RECORDING),
        },
    )
