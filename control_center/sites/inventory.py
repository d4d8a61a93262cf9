"""What hangs together at the sites, by the last check of each: the inventory of what was handed over (R5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from contract.messages import CheckDone, Device
from control_center.meetings.working_days import VIETNAM
from control_center.store import registry
from control_center.store.journal import EventRow
from control_center.store.registry import Site

HEADS = ("Điểm cầu", "Đơn vị", "Phòng", "Thành phần", "Thiết bị", "Hãng, kiểu máy", "Số sê-ri", "Địa chỉ", "Phiên bản", "Thấy lúc")
_CHECK = "check"
_DECODER = msgspec.json.Decoder(CheckDone)


class Seen(NamedTuple):
    """One device of one site."""

    site: Site
    device: Device
    at: datetime


def seen(engine: Engine) -> list[Seen]:
    """Every device of every site, by site; a site that was never checked has none."""
    sites = registry.sites(engine)
    checks = _last_checks(engine)
    return [Seen(site, device, checks[site.id].ended_at) for site in sites if site.id in checks for device in checks[site.id].devices]


def unseen(engine: Engine) -> list[Site]:
    """Sites of which there is no list yet."""
    checks = _last_checks(engine)
    return [site for site in registry.sites(engine) if site.id not in checks]


def rows(found: Sequence[Seen], names: dict[str, str]) -> list[tuple[str, ...]]:
    """Cells under `HEADS`; `names` are the components' for people."""
    return [
        (
            one.site.name,
            one.site.unit,
            one.site.room,
            names.get(one.device.component, one.device.component),
            one.device.name,
            one.device.model,
            one.device.serial,
            one.device.address,
            one.device.firmware,
            f"{one.at.astimezone(VIETNAM):%d/%m/%Y %H:%M}",
        )
        for one in found
    ]


def _last_checks(engine: Engine) -> dict[str, CheckDone]:
    """The last check of each site that told of devices, by the site's clock."""
    told = (EventRow.type == _CHECK) & EventRow.data.contains('"devices"')
    with Session(engine) as session:
        newest = select(EventRow.site, func.max(EventRow.time).label("time")).where(told).group_by(EventRow.site).subquery()
        query = select(EventRow.site, EventRow.data).join(newest, (EventRow.site == newest.c.site) & (EventRow.time == newest.c.time))
        return {site: _DECODER.decode(data) for site, data in session.execute(query.where(told))}
