"""Where things go over MQTT; the one place that knows the topic tree."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

ROOT = "diemcau/v1"
"""First levels of every topic: the product and the version of the tree."""

CENTER = "_center"
"""Stands where a site's id stands, for what the center says of itself; no site id begins with an underscore."""

SITE_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""A site's id: ASCII lower case, digits and hyphens, at most 40; also its MQTT user name and certificate's CN."""


class Kind(StrEnum):
    """Third level of a topic; the comment says who publishes."""

    STATUS = "status"
    """Agent, retained, QoS 1: birth and death (last will) of one boot."""
    COMPONENT = "dev"
    """Agent, retained, QoS 1, ``dev/<component>``: the verdict that holds now, with its age."""
    EVENT = "evt"
    """Agent, QoS 1, acknowledged by the center: the ordered journal."""
    FIGURES = "fig"
    """Agent, QoS 1, acknowledged by the center: figures rolled up per minute."""
    HEARTBEAT = "hb"
    """Agent, QoS 0."""
    ACK = "ack"
    """Center, QoS 1: which journal rows are settled."""
    LIMITS = "limits"
    """Center, retained, QoS 1: limits and approved baselines, versioned."""
    COMMAND = "cmd"
    """Center, QoS 1, ``cmd/<name>``."""
    AGENDA = "agenda"
    """Center, retained, QoS 1, ``_center/agenda/<site>``: the meetings that concern a site."""


FROM_SITE = (Kind.STATUS, Kind.COMPONENT, Kind.EVENT, Kind.FIGURES, Kind.HEARTBEAT)
"""What a site may write."""
TO_SITE = (Kind.ACK, Kind.LIMITS, Kind.COMMAND)
"""What a site may read below its own id."""


_KINDS = frozenset(kind.value for kind in Kind)


class Topic(NamedTuple):
    """A topic taken apart: whose it is, what it is, and the rest (component, command or site)."""

    site: str
    kind: Kind
    rest: str = ""


def site_topic(site: str, kind: Kind, rest: str = "") -> str:
    """Topic of a site, for example ``diemcau/v1/hoai-nhon/dev/camera``."""
    if not SITE_ID.fullmatch(site):
        raise ValueError(f"{site!r} is no site id: use a–z, 0–9 and hyphens, 40 characters at most")
    return f"{ROOT}/{site}/{kind}" + (f"/{rest}" if rest else "")


def center_status() -> str:
    """Topic of the center's own status."""
    return f"{ROOT}/{CENTER}/{Kind.STATUS}"


def agenda(site: str) -> str:
    """Topic of the agenda that the center keeps for `site`."""
    return f"{ROOT}/{CENTER}/{Kind.AGENDA}/{site}"


def every_site(kind: Kind) -> str:
    """Subscription to one kind of message of all sites (the component level included)."""
    return f"{ROOT}/+/{kind}" + ("/+" if kind in (Kind.COMPONENT, Kind.COMMAND) else "")


def parse(topic: str) -> Topic | None:
    """Take a topic apart; None if it is not of this tree."""
    prefix = ROOT + "/"
    if not topic.startswith(prefix):
        return None
    site, _, tail = topic[len(prefix) :].partition("/")
    kind, _, rest = tail.partition("/")
    if kind not in _KINDS or (site != CENTER and not SITE_ID.fullmatch(site)):
        return None
    return Topic(site, Kind(kind), rest)
