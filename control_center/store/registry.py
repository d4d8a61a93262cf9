"""Sites, people to phone, and meetings: the register that the database owns.

Rows live here; what leaves this file are frozen structs. A "site" is one điểm cầu: one room with one endpoint and one
identity, so that two rooms of one unit are two sites (R50). Every change counts up a revision, by which a running
service notices what the command line wrote.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec
from sqlalchemy import JSON, Engine, ForeignKey, Index, String, Text, select
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from contract import topics
from contract.meetings import Meeting, Participation, Plan, Role
from control_center.store.base import Base, PlainText, UtcDateTime

MAX_SSID = 65535
"""STAMP session identifiers have 16 bits (RFC 8972, 3); 0 means "none"."""


class NfcText(PlainText):
    """Text as people write it, composed (NFC), so that a name typed decomposed is the same name (R55)."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Compose."""
        plain = super().process_bind_param(value, dialect)
        return None if plain is None else unicodedata.normalize("NFC", plain)


class ContactRole(StrEnum):
    """Who a contact is to phone for (R7)."""

    SITE = "site"
    CENTER = "center"
    PROVIDER = "provider"
    """The telecom provider of the line."""
    POWER = "power"
    """The power company."""


class Need(StrEnum):
    """What else a meeting asks for: point 8 of Phụ lục I."""

    PROJECTOR = "projector"
    VIDEO = "video"
    SPEECH = "speech"
    RECORDING = "recording"
    """Pictures and sound of the meeting, to be handed over afterwards (12.2)."""


class SiteRow(Base):
    """Table of sites."""

    __tablename__ = "sites"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(NfcText)
    ssid: Mapped[int] = mapped_column(unique=True)
    unit: Mapped[str] = mapped_column(NfcText, default="")
    address: Mapped[str] = mapped_column(NfcText, default="")
    room: Mapped[str] = mapped_column(NfcText, default="")
    host: Mapped[str] = mapped_column(NfcText, default="")
    capabilities: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)


class ContactRow(Base):
    """Table of people and offices to phone."""

    __tablename__ = "contacts"
    id: Mapped[int] = mapped_column(primary_key=True)
    site: Mapped[str | None] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(NfcText)
    phone: Mapped[str] = mapped_column(NfcText, default="")
    email: Mapped[str] = mapped_column(NfcText, default="")
    unit: Mapped[str] = mapped_column(NfcText, default="")


class MeetingRow(Base):
    """Table of registered meetings (Phụ lục I)."""

    __tablename__ = "meetings"
    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    title: Mapped[str] = mapped_column(NfcText)
    organizer: Mapped[str] = mapped_column(NfcText)
    place: Mapped[str] = mapped_column(NfcText, default="")
    chair: Mapped[str] = mapped_column(NfcText, default="")
    chair_position: Mapped[str] = mapped_column(NfcText, default="")
    technician: Mapped[str] = mapped_column(NfcText, default="")
    phone: Mapped[str] = mapped_column(NfcText, default="")
    basis: Mapped[str] = mapped_column(NfcText, default="")
    begins_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    plan: Mapped[str] = mapped_column(Text)
    emergency: Mapped[bool] = mapped_column(default=False)
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    late: Mapped[str] = mapped_column(NfcText, default="")
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_by: Mapped[str] = mapped_column(NfcText, default="")
    power_notified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    needs: Mapped[list[str]] = mapped_column(JSON, default=list)
    sites: Mapped[list[MeetingSiteRow]] = relationship(order_by="MeetingSiteRow.position", cascade="all, delete-orphan", lazy="selectin")


class MeetingSiteRow(Base):
    """Table of the part that each site has in each meeting; its role is the meeting's, not the site's (R1)."""

    __tablename__ = "meeting_sites"
    meeting: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), primary_key=True)
    site: Mapped[str] = mapped_column(ForeignKey("sites.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(8))
    position: Mapped[int]
    attendees: Mapped[int | None]
    contact: Mapped[str] = mapped_column(NfcText, default="")
    __table_args__ = (Index("ix_meeting_sites_site", "site"),)


class RevisionRow(Base):
    """Table of counters, one per thing that a running service watches."""

    __tablename__ = "revisions"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int]


class Site(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One điểm cầu.

    Attributes:
        id: ASCII, as in `contract.topics.SITE_ID`; also its MQTT user name.
        ssid: STAMP session identifier, 1 to 65535, unique.
        unit: Organisation it belongs to; the form prints it in "Tên cơ quan" when given, else the name.
        room: Room of the unit; two sites with the same unit and room cannot meet at the same time.
        host: Address of the site PC for the second witness (echo); empty: not asked.
        capabilities: What the room has, per component: ``own``, ``vcs``, ``hdmi_tap``, ``mixer_tap`` or ``none`` (R46).
    """

    id: str
    name: str
    ssid: int
    unit: str = ""
    address: str = ""
    room: str = ""
    host: str = ""
    capabilities: dict[str, str] = {}


class Contact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody to phone; without a site, for all sites."""

    role: ContactRole
    name: str
    phone: str = ""
    site: str = ""
    email: str = ""
    unit: str = ""


class MeetingSite(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A site's part in a meeting, with the columns of Phụ lục I."""

    site: str
    role: Role
    attendees: int | None = None
    contact: str = ""


class MeetingRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A meeting as registered.

    Attributes:
        late: Why the registration came too late (R20), for people; empty when in time.
        confirmed_at, power_notified_at: When the two duties of article 9 were done; None while they are not.
    """

    id: str
    title: str
    organizer: str
    plan: Plan
    sites: tuple[MeetingSite, ...]
    registered_at: datetime
    place: str = ""
    chair: str = ""
    chair_position: str = ""
    technician: str = ""
    phone: str = ""
    basis: str = ""
    emergency: bool = False
    late: str = ""
    confirmed_at: datetime | None = None
    confirmed_by: str = ""
    power_notified_at: datetime | None = None
    cancelled_at: datetime | None = None
    needs: tuple[Need, ...] = ()

    def as_meeting(self) -> Meeting:
        """The meeting as the sites need to know it."""
        parts = tuple(Participation(site=part.site, role=part.role) for part in self.sites)
        return Meeting(
            id=self.id, title=self.title, organizer=self.organizer, plan=self.plan, participations=parts, emergency=self.emergency
        )


def revision(engine: Engine, name: str = "registry") -> int:
    """Counter that moves with every change of what `name` stands for; cheap enough to be polled."""
    with engine.connect() as connection:
        return connection.execute(select(RevisionRow.number).where(RevisionRow.name == name)).scalar_one_or_none() or 0


def bump(session: Session, name: str = "registry") -> None:
    """Count a change up, in the change's own transaction."""
    row = session.get(RevisionRow, name)
    if row is None:
        session.add(RevisionRow(name=name, number=1))
    else:
        row.number = RevisionRow.number + 1  # in the database: two writers at once move it twice


def sites(engine: Engine) -> list[Site]:
    """All sites, by name."""
    with Session(engine) as session:
        return [_site(row) for row in session.scalars(select(SiteRow).order_by(SiteRow.name, SiteRow.id))]


def site(engine: Engine, site_id: str) -> Site | None:
    """One site, None if it is not registered."""
    with Session(engine) as session:
        row = session.get(SiteRow, site_id)
        return None if row is None else _site(row)


def save_sites(engine: Engine, wanted: Iterable[Site]) -> list[Site]:
    """Add or replace sites; one whose ssid is 0 keeps the one it has or gets the lowest free one.

    Raises:
        ValueError: for an id or ssid that cannot be.
    """
    saved = []
    with Session(engine) as session, session.begin():
        taken = {row.ssid: row.id for row in session.execute(select(SiteRow.ssid, SiteRow.id))}
        for one in wanted:
            if not topics.SITE_ID.fullmatch(one.id):
                raise ValueError(f"{one.id!r} is no site id: use a–z, 0–9 and hyphens, 40 characters at most")
            row = session.get(SiteRow, one.id) or SiteRow(id=one.id, ssid=0)
            number = _ssid(one, row.ssid, taken)
            if taken.get(row.ssid) == one.id:
                del taken[row.ssid]
            taken[number] = one.id
            row.ssid = number
            row.name, row.unit, row.address, row.room, row.host = one.name, one.unit, one.address, one.room, one.host
            row.capabilities = dict(one.capabilities)
            session.add(row)
            session.flush()
            saved.append(_site(row))
        bump(session)
    return saved


def _ssid(one: Site, present: int, taken: Mapping[int, str]) -> int:
    """Session identifier for a site: the one asked for, the one it has, or the lowest free one; `taken` by whom."""
    wanted = one.ssid or present
    if taken.get(wanted, one.id) != one.id:
        raise ValueError(f"ssid {wanted} of {one.id!r} is already that of {taken[wanted]!r}")
    if wanted:
        if not 1 <= wanted <= MAX_SSID:
            raise ValueError(f"ssid {wanted} of {one.id!r} is not within 1 to {MAX_SSID}")
        return wanted
    return next(number for number in range(1, MAX_SSID + 1) if number not in taken)


def contacts(engine: Engine, site_id: str = "") -> list[Contact]:
    """Whom to phone for a site: its own contacts first, then those for all; without a site, everybody."""
    with Session(engine) as session:
        query = select(ContactRow).order_by(ContactRow.site.is_(None), ContactRow.id)
        if site_id:
            query = query.where((ContactRow.site == site_id) | ContactRow.site.is_(None))
        return [
            Contact(role=ContactRole(row.role), name=row.name, phone=row.phone, site=row.site or "", email=row.email, unit=row.unit)
            for row in session.scalars(query)
        ]


def replace_contacts(engine: Engine, site_id: str, wanted: Sequence[Contact]) -> None:
    """Make `wanted` the contacts of a site (of all sites if `site_id` is empty)."""
    with Session(engine) as session, session.begin():
        for row in session.scalars(select(ContactRow).where(ContactRow.site == site_id if site_id else ContactRow.site.is_(None))):
            session.delete(row)
        for one in wanted:
            session.add(
                ContactRow(site=site_id or None, role=one.role.value, name=one.name, phone=one.phone, email=one.email, unit=one.unit)
            )
        bump(session)


def save_meeting(engine: Engine, record: MeetingRecord) -> None:
    """Add or replace a meeting."""
    with Session(engine) as session, session.begin():
        row = session.get(MeetingRow, record.id) or MeetingRow(id=record.id)
        for name in _COPIED:
            setattr(row, name, getattr(record, name))
        row.begins_at, row.ends_at = record.plan.live.begins_at, record.plan.live.ends_at
        row.plan = msgspec.json.encode(record.plan).decode()
        row.needs = [need.value for need in record.needs]
        present = {part.site: part for part in row.sites}
        row.sites = [_meeting_site_row(present.get(part.site), part, position) for position, part in enumerate(record.sites)]
        session.add(row)
        bump(session)


_COPIED = (
    *("title", "organizer", "place", "chair", "chair_position", "technician", "phone", "basis", "emergency", "registered_at", "late"),
    *("confirmed_at", "confirmed_by", "power_notified_at", "cancelled_at"),
)


def _meeting_site_row(row: MeetingSiteRow | None, part: MeetingSite, position: int) -> MeetingSiteRow:
    row = row or MeetingSiteRow(site=part.site)
    row.role, row.position, row.attendees, row.contact = part.role.value, position, part.attendees, part.contact
    return row


def meeting(engine: Engine, meeting_id: str) -> MeetingRecord | None:
    """One meeting, None if it is not registered."""
    with Session(engine) as session:
        row = session.get(MeetingRow, meeting_id)
        return None if row is None else _record(row)


def meetings(engine: Engine, *, ends_after: datetime | None = None, cancelled: bool = False) -> list[MeetingRecord]:
    """Meetings by begin; only those that end after an instant if given, cancelled ones only if asked for."""
    query = select(MeetingRow).order_by(MeetingRow.begins_at, MeetingRow.id)
    if ends_after is not None:
        query = query.where(MeetingRow.ends_at > ends_after)
    if not cancelled:
        query = query.where(MeetingRow.cancelled_at.is_(None))
    with Session(engine) as session:
        return [_record(row) for row in session.scalars(query)]


def _site(row: SiteRow) -> Site:
    return Site(
        id=row.id,
        name=row.name,
        ssid=row.ssid,
        unit=row.unit,
        address=row.address,
        room=row.room,
        host=row.host,
        capabilities=dict(row.capabilities),
    )


def _record(row: MeetingRow) -> MeetingRecord:
    parts = tuple(MeetingSite(site=part.site, role=Role(part.role), attendees=part.attendees, contact=part.contact) for part in row.sites)
    return MeetingRecord(
        id=row.id,
        plan=msgspec.json.decode(row.plan, type=Plan),
        sites=parts,
        needs=tuple(Need(name) for name in row.needs),
        **{name: getattr(row, name) for name in _COPIED},
    )
