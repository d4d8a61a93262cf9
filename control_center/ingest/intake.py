"""Read what came: a message with its payload as it was written, or the reason why not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec

from contract import messages, topics
from contract.messages import MAX_SEQ, Envelope, Message, RefusedError
from contract.topics import Kind

JOURNAL = (Kind.EVENT, Kind.FIGURES)
"""What is acknowledged by (boot, seq)."""
LONGEST_COMPONENT = 80

_ID = re.compile(rb'"id"\s*:\s*"([a-z0-9-]{1,40}):([0-9A-Za-z]{1,40}):([0-9]{1,16})"')


class Receipt(NamedTuple):
    """By what the broker is told that we have a message: its number, and the connection that number belongs to."""

    mid: int
    connection: int


class Arrived(NamedTuple):
    """A message as the broker delivered it."""

    topic: str
    payload: bytes
    at: datetime
    receipt: Receipt | None = None
    """None: QoS 0, nothing is owed."""


@dataclass(frozen=True)
class Accepted:
    """A message that was read, with its payload as the sender wrote it (keys that we do not know included)."""

    arrived: Arrived
    message: Message
    data: str


@dataclass(frozen=True)
class Refused:
    """A message that goes into quarantine; `place` is its (site, boot, seq) if it is a journal row and that much is readable."""

    arrived: Arrived
    reason: str
    detail: str
    place: tuple[str, str, int] | None = None


def read(arrived: Arrived) -> Accepted | Refused | None:
    """Decode strictly; None for what is nothing to us: our own words, and an emptied retained topic."""
    parsed = topics.parse(arrived.topic)
    if parsed is not None and (parsed.site == topics.CENTER or (not arrived.payload and parsed.kind not in JOURNAL)):
        return None
    try:
        message = _decode(arrived)
        data = bytes(msgspec.json.decode(arrived.payload, type=Envelope).data).decode()
    except RefusedError as error:
        return Refused(arrived, error.reason, error.detail, place_of(arrived))
    except UnicodeDecodeError as error:
        return Refused(arrived, "garbage", str(error), place_of(arrived))
    return Accepted(arrived, message, data)


def _decode(arrived: Arrived) -> Message:
    message = messages.decode(arrived.topic, arrived.payload)
    if message.topic.kind not in topics.FROM_SITE:
        raise RefusedError("topic", f"{message.topic.kind} is not for a site to write")
    if message.topic.kind is Kind.COMPONENT and not 0 < len(message.topic.rest) <= LONGEST_COMPONENT:
        raise RefusedError("topic", f"a component's name has 1 to {LONGEST_COMPONENT} characters")
    return message


def place_of(arrived: Arrived) -> tuple[str, str, int] | None:
    """(site, boot, seq) that a journal row names near its beginning, if it is the topic's own site."""
    parsed = topics.parse(arrived.topic)
    found = _ID.search(arrived.payload[:1024])
    if parsed is None or parsed.kind not in JOURNAL or found is None:
        return None
    site, boot, seq = found[1].decode(), found[2].decode(), int(found[3])
    return (site, boot, seq) if site == parsed.site and seq <= MAX_SEQ else None
