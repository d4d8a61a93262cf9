"""The inventory: what each site's last check saw, exported whole, with site and owner."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from contract.meetings import Phase
from contract.messages import CheckDone, CheckReason, Device
from control_center.sites.inventory import HEADS, rows, seen, unseen
from control_center.store import registry
from control_center.store.base import Base
from control_center.store.database import open_store
from control_center.store.journal import EventRow
from control_center.store.registry import Site

pytestmark = pytest.mark.req("R5")

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
CAMERA = Device(component="cables", name="HD Camera", model="Logitech HD Camera", serial="A1", address="USB 046d:0825", firmware="0100")
CODEC = Device(component="codec", name="VCS", model="Cisco Webex Room Kit", address="10.20.20.9", firmware="ce9.15.3")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_store(tmp_path)
    Base.metadata.create_all(engine)
    registry.save_sites(
        engine,
        [
            Site(id="hoai-nhon", name="Thị xã Hoài Nhơn", ssid=1, unit="UBND thị xã", room="Phòng 2"),
            Site(id="an-lao", name="Huyện An Lão", ssid=2),
        ],
    )
    yield engine
    engine.dispose()


def checked(engine: Engine, at: datetime, *devices: Device, seq: int) -> None:
    done = CheckDone(check="c", phase=Phase.IDLE, reason=CheckReason.REQUESTED, began_at=at, ended_at=at, verdicts=(), devices=devices)
    with Session(engine) as session, session.begin():
        row = EventRow(site="hoai-nhon", boot="b", seq=seq, type="check", time=at, received_at=at)
        row.data = msgspec.json.encode(done).decode()
        session.add(row)


def test_every_device_of_the_last_check_is_listed_with_site_and_owner(engine: Engine) -> None:
    checked(engine, AT, CODEC, seq=1)
    checked(engine, AT + timedelta(days=1), CODEC, CAMERA, seq=2)
    checked(engine, AT + timedelta(days=2), seq=3)
    found = seen(engine)
    assert [one.device for one in found] == [CODEC, CAMERA], "a check by an older agent tells of none and hides none"
    table = rows(found, {"codec": "Bộ kết nối"})
    assert all(len(row) == len(HEADS) for row in table)
    assert table[0][:6] == ("Thị xã Hoài Nhơn", "UBND thị xã", "Phòng 2", "Bộ kết nối", "VCS", "Cisco Webex Room Kit")
    assert table[1][6:] == ("A1", "USB 046d:0825", "0100", "02/07/2026 15:00")
    assert [site.id for site in unseen(engine)] == ["an-lao"]


def test_a_device_that_is_gone_from_the_last_check_is_gone_from_the_list(engine: Engine) -> None:
    checked(engine, AT, CODEC, CAMERA, seq=1)
    checked(engine, AT + timedelta(days=1), CODEC, seq=2)
    assert [one.device for one in seen(engine)] == [CODEC]
