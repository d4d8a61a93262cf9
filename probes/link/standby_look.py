"""The standby line within a look of the link probe: tried once a day and before each meeting, so that it is there when it is needed (R43).

Tried is what the uplink would do first: a connection to the standby broker by the standby's own interface, and its certificate. No session
is opened, which would end the one on the primary line.
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from contract.catalog import figure, finding, missing
from contract.findings import Finding
from contract.meetings import Phase
from contract.readings import Failure, Reading
from probes.interface import Look
from probes.link.limits import LinkLimits, LinkSettings, Standby
from probes.link.source import failure_of
from probes.seldom import ASKED_PHASES, keep, recall, time_to_ask

log = logging.getLogger(__name__)

FILE = "link-standby.json"
METRIC = "link.standby_connect_ms"
TARGET = "standby"
LONGEST_S = 4.0
_SEEN = 2
_SO_BINDTODEVICE = 25
_NEVER = "—"
_ON_THE_SCREEN = ZoneInfo("Asia/Ho_Chi_Minh")


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One trial: how long it took to be connected, or why it was not."""

    connect_ms: float | None = None
    failure: Failure | None = None
    error: str = ""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the line.

    Attributes:
        standby: Which; another one begins anew.
        asked_at: Of the last trial.
        phase: Phase of it.
        trial: What it brought.
        good_at: Of the last trial that went well.
        failed_since: Of the first of the failed trials in a row.
        failed: How many.
    """

    standby: Standby
    asked_at: datetime
    phase: Phase
    trial: Trial
    good_at: datetime | None = None
    failed_since: datetime | None = None
    failed: int = 0


Ask = Callable[[Standby], Trial]


def standby_line(
    settings: LinkSettings, limits: LinkLimits, look: Look, *, at: datetime, left_s: float, ask: Ask | None = None
) -> tuple[tuple[Reading, ...], tuple[Finding, ...]]:
    """Reading and findings of the standby line; a trial when it is time.

    Args:
        settings: Which line.
        limits: How often.
        look: Circumstances.
        at: When the look began.
        left_s: Time that the look has left.
        ask: Tries it.
    """
    standby = settings.standby
    if standby is None or not look.state_directory:
        return (), ()
    path = Path(look.state_directory) / FILE
    memory = recall(path, Memory)
    if memory is not None and memory.standby != standby:
        memory = None
    if left_s > LONGEST_S and _due(memory, look.phase, at, limits.standby_period_s):
        trial = (ask or connect)(standby)
        if trial.failure is not None:
            log.warning("standby line %s:%d: %s (%s)", standby.host, standby.port, trial.failure, trial.error)
        memory = remembered(memory, standby, trial, look.phase, at)
        keep(path, memory)
    if memory is None:
        return (missing(METRIC, Failure.SKIPPED, at=at, target=TARGET),), ()
    return (_reading(memory),), tuple(_told(memory, limits, look, at))


def connect(standby: Standby) -> Trial:
    """Connect, ask for the certificate, and leave."""
    began_s = time.monotonic()
    try:
        context = _context(standby)
    except OSError as error:
        return Trial(failure=Failure.BAD_DATA, error=f"{standby.ca}: {error}")
    try:
        addresses = socket.getaddrinfo(standby.host, standby.port, type=socket.SOCK_STREAM)
    except OSError as error:
        return Trial(failure=Failure.UNREACHABLE, error=str(error))
    until_s, refusal = began_s + LONGEST_S - 0.5, Trial(failure=Failure.TIMEOUT)
    for family, kind, protocol, _, address in addresses:
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            break
        try:
            with socket.socket(family, kind, protocol) as sock:
                sock.settimeout(left_s)
                if standby.interface:
                    sock.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, standby.interface.encode())
                sock.connect(address)
                if context is not None:
                    with context.wrap_socket(sock, server_hostname=standby.host):
                        pass
            return Trial(connect_ms=round((time.monotonic() - began_s) * 1000, 1))
        except TimeoutError as error:
            refusal = Trial(failure=Failure.TIMEOUT, error=str(error))
        except ssl.SSLError as error:
            refusal = Trial(failure=Failure.REFUSED, error=str(error))
        except OSError as error:
            refusal = Trial(failure=failure_of(error), error=str(error))
    return refusal


def _context(standby: Standby) -> ssl.SSLContext | None:
    """As the uplink checks the broker: by the site's own authority.

    Raises:
        OSError: the file cannot be read or holds no certificate.
    """
    if not standby.ca:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(standby.ca)
    return context


def _due(memory: Memory | None, phase: Phase, at: datetime, period_s: float) -> bool:
    if memory is None:
        return phase in ASKED_PHASES
    return time_to_ask(memory.asked_at, memory.phase, phase, at, period_s, suspects=memory.failed == 1)


def remembered(memory: Memory | None, standby: Standby, trial: Trial, phase: Phase, at: datetime) -> Memory:
    """What is known after one more trial."""
    before = memory or Memory(standby=standby, asked_at=at, phase=phase, trial=trial)
    if trial.failure is None:
        return Memory(standby=standby, asked_at=at, phase=phase, trial=trial, good_at=at)
    return Memory(
        standby=standby,
        asked_at=at,
        phase=phase,
        trial=trial,
        good_at=before.good_at,
        failed_since=before.failed_since or at,
        failed=before.failed + 1,
    )


def _reading(memory: Memory) -> Reading:
    trial = memory.trial
    if trial.connect_ms is None:
        return missing(METRIC, trial.failure or Failure.TIMEOUT, at=memory.asked_at, target=TARGET)
    return figure(METRIC, trial.connect_ms, at=memory.asked_at, target=TARGET)


def _told(memory: Memory, limits: LinkLimits, look: Look, at: datetime) -> list[Finding]:
    """Told once two trials in a row failed, or none went well for too long: an agent that never has time for it, for example."""
    aged_at = None if memory.good_at is None else memory.good_at + timedelta(seconds=limits.standby_max_age_s)
    if memory.failed >= _SEEN:
        since = memory.failed_since
    elif aged_at is not None and at >= aged_at:
        since = aged_at
    else:
        return []
    good = _NEVER if memory.good_at is None else memory.good_at.astimezone(_ON_THE_SCREEN).strftime("%H:%M %d/%m/%Y")
    details: dict[str, float | str] = {"host": f"{memory.standby.host}:{memory.standby.port}", "good": good}
    return [finding("link.standby_untested", look.phase, target=TARGET, since=since, details=details, limits_version=look.limits_version)]
