"""What goes over MQTT: CloudEvents 1.0 in structured JSON, one struct per type.

What we send is exact; a receiver tolerates keys it does not know and refuses, with one reason, what it cannot read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from contract import topics
from contract.findings import Finding, Verdict
from contract.meetings import Meeting, Phase
from contract.readings import Failure, Reading
from contract.topics import Kind, Topic

MAX_PAYLOAD_BYTES = 256 * 1024
"""A larger payload is refused unread."""
MAX_SEQ = 2**53
"""Sequence numbers stay exact in every JSON reader."""
MAX_NUMBER = 2.0**53
"""No figure is larger, either way; what is would break a column or a calculation of whoever believed it."""
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Instants that a clock, right or wrong, can tell."""
MAX_CLOCK_OFFSET_MS = (LATEST - EARLIEST).total_seconds() * 1000
"""Two such clocks cannot differ by more."""


class Presence(StrEnum):
    """State of an agent or of the center on its status topic."""

    INIT = "init"
    READY = "ready"
    DISCONNECTED = "disconnected"
    """Left on purpose: a graceful stop, told before leaving."""
    LOST = "lost"
    """The broker's word (last will): the connection died."""


class Status(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Birth and death of one boot of an agent or of the center."""

    boot: str
    state: Presence
    at: datetime
    version: str = ""
    uplink: str = "primary"
    """Over which of its links the agent came: primary or standby."""


class ComponentState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The verdict of one component that holds now; the reader judges its age."""

    verdict: Verdict
    readings: tuple[Reading, ...] = ()
    phase: Phase = Phase.IDLE
    valid_for_s: float = 90.0
    """For how long after `verdict.at` it may be shown without the word "stale"."""
    limits_version: str = ""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sign of life with the little that explains a silence afterwards."""

    boot: str
    at: datetime
    phase: Phase = Phase.IDLE
    uptime_s: float = 0.0
    period_s: float = 15.0
    """The next one is promised within so many seconds."""
    outbox_rows: int = 0


class Onset(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="onset"):
    """A finding that has stood long enough to be told; `finding.since` is its true begin."""

    finding: Finding
    phase: Phase
    meeting: str = ""


class Cleared(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="cleared"):
    """The end of what an `Onset` with the same code, target and begin has told."""

    code: str
    component: str
    began_at: datetime
    ended_at: datetime
    target: str = ""
    phase: Phase = Phase.IDLE
    meeting: str = ""
    worst: float | None = None
    """Worst figure while it lasted, in the finding's unit."""
    times: int = 1
    """How often it came and went within this one event (a flapping link)."""


class Interruption(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="interruption"):
    """The link was silent between two instants, as the site saw it; short ones are a figure, not an alarm."""

    began_at: datetime
    ended_at: datetime
    duration_s: float
    """By the monotonic clock."""
    targets: tuple[str, ...]
    """Which link targets were silent: gateway, mcu, center."""
    answered: tuple[str, ...] = ()
    """Which went on answering: what places the fault."""
    confirmed: bool = False
    """Whether it lasted long enough to be an incident."""
    blind_s: float = 0.0
    """Part of it in which the agent itself stalled and knows nothing."""
    meeting: str = ""


class CheckReason(StrEnum):
    """Why a check of the whole site ran."""

    SCHEDULED = "scheduled"
    REQUESTED = "requested"
    MANUAL = "manual"


class Device(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a probe has seen; empty where it does not tell.

    Attributes:
        component: Which probe saw it.
        name: What people, or the system, call it.
        model: Maker and model.
        serial: Serial number.
        address: By which it is told from others: MAC or IP address, USB id.
        firmware: Version of its software.
    """

    component: str
    name: str
    model: str = ""
    serial: str = ""
    address: str = ""
    firmware: str = ""


class CheckDone(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="check"):
    """Proof that a check of the site ran, and what it said (R25, R32, R37)."""

    check: str
    phase: Phase
    reason: CheckReason
    began_at: datetime
    ended_at: datetime
    verdicts: tuple[Verdict, ...]
    readings: tuple[Reading, ...] = ()
    meeting: str = ""
    limits_version: str = ""
    devices: tuple[Device, ...] = ()
    """What hangs together at the site, for the inventory (R5)."""


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="lifecycle"):
    """The agent started or stopped, and what is known of why."""

    what: str
    """started · stopped"""
    at: datetime
    cause: str = ""
    """planned · crashed · rebooted · power_lost · kernel_panic · unknown"""
    last_seen_at: datetime | None = None
    """When the boot before this one was last alive."""


class Overflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="overflow"):
    """The outbox was full: how many rows of what kind were dropped, told in their place."""

    dropped: dict[str, int]
    at: datetime


Event = Onset | Cleared | Interruption | CheckDone | Lifecycle | Overflow


class Rollup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One metric of one target over the span of its `Figures`; `missing` looks had no figure."""

    metric: str
    unit: str
    count: int
    target: str = ""
    minimum: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    maximum: float | None = None
    missing: int = 0


class Figures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Figures of a minute or so."""

    begins_at: datetime
    ends_at: datetime
    rollups: tuple[Rollup, ...]
    meeting: str = ""
    phase: Phase = Phase.IDLE


class Rejected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A journal row that the center could not use and has put aside; the agent need not send it again."""

    seq: int
    reason: str


class Ack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which rows of one boot are settled: committed, or quarantined. Ranges are inclusive."""

    boot: str
    stored: tuple[tuple[int, int], ...] = ()
    rejected: tuple[Rejected, ...] = ()


class Agenda(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All meetings that concern one site from now on; replaces the one before."""

    issued_at: datetime
    meetings: tuple[Meeting, ...] = ()


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Limits and approvals that the center keeps for one site; replaces the one before."""

    version: str
    limits: dict[str, dict[str, Any]] = {}
    """Per probe, the keys of its `limits.py`."""


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order of the center: ``check`` runs a check of the whole site now."""

    id: str
    name: str
    at: datetime
    probes: tuple[str, ...] = ()


class ProbeReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one run of one probe says; one JSON document a line of `edge-agent probe --json`."""

    probe: str
    began_at: datetime
    duration_s: float
    readings: tuple[Reading, ...] = ()
    findings: tuple[Finding, ...] = ()
    source: str = ""
    """Where it looked, without credentials."""
    reason: str = ""
    """Why it could not look, as a sentence for the operator; empty where it could, or where the readings' failures say it all."""
    devices: tuple[Device, ...] = ()


class NearHowl(msgspec.Struct, frozen=True, kw_only=True):
    """A frequency at which a room would howl, and how much louder it may get there before it does."""

    frequency_hz: float
    margin_db: float


class SweepResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a sweep through one microphone channel says of the room's loop.

    Attributes:
        target: The channel; empty where there is one only.
        margin_db: Gain that the loop bears before it howls, by magnitude and phase; None where the phase is not known.
        margin_pessimistic_db: The same by magnitude alone, safe whatever delay the room's own mixer adds.
        judged_db: Which of them was judged: the one with the phase where recording and reference are known to begin together.
        grade: ``green``, ``amber`` or ``red``.
        nearest: Frequencies nearest to howling, least reserve first.
        rt60_s: Reverberation time; None where too little of the decay was heard.
        loop_delay_ms: From playing to hearing, with the computer's own delay; None where the recording's begin is not known.
        snr_db: Peak of the response over its noise.
    """

    margin_pessimistic_db: float
    judged_db: float
    grade: str
    nearest: tuple[NearHowl, ...]
    snr_db: float
    target: str = ""
    margin_db: float | None = None
    rt60_s: float | None = None
    loop_delay_ms: float | None = None


class SweepReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `edge-agent sweep --json` prints; `reason` says why there are no results."""

    at: datetime
    source: str
    results: tuple[SweepResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    failure: Failure | None = None
    reason: str = ""


class CheckReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `edge-agent check --json` prints."""

    site: str
    phase: Phase
    began_at: datetime
    ended_at: datetime
    verdicts: tuple[Verdict, ...]
    readings: tuple[Reading, ...] = ()


Payload = Status | ComponentState | Event | Heartbeat | Figures | Ack | Agenda | Limits | Command

_DATA_TYPE: dict[Kind, Any] = {
    Kind.STATUS: Status,
    Kind.COMPONENT: ComponentState,
    Kind.EVENT: Event,
    Kind.FIGURES: Figures,
    Kind.HEARTBEAT: Heartbeat,
    Kind.ACK: Ack,
    Kind.AGENDA: Agenda,
    Kind.LIMITS: Limits,
    Kind.COMMAND: Command,
}


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """CloudEvents 1.0 attributes around one payload.

    Attributes:
        id: ``site:boot:seq``; what the center stores once, however often it comes.
        source: ``/sites/<id>`` or ``/center``.
        type: ``diemcau.<kind>.v1``.
        time: When it was written, by the writer's clock.
        clockoffsetms: Writer's clock minus the center's as far as the writer knows; None if it does not.
        data: The payload, still encoded.
    """

    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    data: msgspec.Raw
    datacontenttype: str = "application/json"
    clockoffsetms: float | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """An envelope that was read, with its payload and its place in the journal."""

    topic: Topic
    id: str
    boot: str
    seq: int
    time: datetime
    payload: Payload
    clock_offset_ms: float | None = None


class RefusedError(ValueError):
    """A payload that cannot be read; `reason` is a word from a closed set, to be counted by."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def type_of(kind: Kind) -> str:
    """CloudEvents type of what goes on a topic of this kind."""
    return f"diemcau.{kind}.v1"


def encode(topic: Topic, payload: Payload, *, boot: str, seq: int, time: datetime, clock_offset_ms: float | None = None) -> bytes:
    """Payload for `topic`, in its envelope."""
    envelope = Envelope(
        specversion="1.0",
        id=f"{topic.site}:{boot}:{seq}",
        source="/center" if topic.site == topics.CENTER or topic.kind in topics.TO_SITE else f"/sites/{topic.site}",
        type=type_of(topic.kind),
        time=time,
        data=msgspec.Raw(msgspec.json.encode(payload)),
        clockoffsetms=clock_offset_ms,
    )
    return msgspec.json.encode(envelope)


def decode(topic: str, payload: bytes) -> Message:
    """Read what came on a topic.

    Raises:
        RefusedError: with reason ``topic``, ``oversized``, ``garbage``, ``version``, ``identity`` or ``data``.
    """
    parsed = topics.parse(topic)
    if parsed is None:
        raise RefusedError("topic", f"{topic[:120]!r} is not of {topics.ROOT}")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise RefusedError("oversized", f"{len(payload)} bytes, at most {MAX_PAYLOAD_BYTES} are read")
    try:
        envelope = msgspec.json.decode(payload, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError("garbage", str(error)) from None
    if envelope.specversion != "1.0" or envelope.type != type_of(parsed.kind):
        raise RefusedError(
            "version", f"specversion {envelope.specversion[:20]!r}, type {envelope.type[:60]!r}, expected {type_of(parsed.kind)!r}"
        )
    boot, seq = _identity(envelope.id, parsed.site)
    try:
        data = msgspec.json.decode(envelope.data, type=_DATA_TYPE[parsed.kind])
        _check_leaves([envelope.time, msgspec.to_builtins(data, builtin_types=(datetime,))])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise RefusedError("data", str(error)) from None
    if envelope.clockoffsetms is not None and abs(envelope.clockoffsetms) > MAX_CLOCK_OFFSET_MS:
        raise RefusedError("data", f"a clock cannot be off by {envelope.clockoffsetms:g} ms")
    return Message(
        topic=parsed, id=envelope.id, boot=boot, seq=seq, time=envelope.time, payload=data, clock_offset_ms=envelope.clockoffsetms
    )


def _check_leaves(branch: Any) -> None:
    """See that every instant and every number is one that can be reckoned with, wherever it stands.

    Raises:
        ValueError: if one is not.
    """
    match branch:
        case dict():
            for leaf in branch.values():
                _check_leaves(leaf)
        case list() | tuple():
            for leaf in branch:
                _check_leaves(leaf)
        case datetime():
            if branch.tzinfo is None:
                raise ValueError(f"time {branch.isoformat()} has no zone")
            if not EARLIEST <= branch <= LATEST:
                raise ValueError(f"time {branch.isoformat()} is out of range")
        case int() | float():
            if abs(branch) > MAX_NUMBER:
                raise ValueError("a number is beyond 2⁵³")


def _identity(message_id: str, site: str) -> tuple[str, int]:
    """Boot and sequence number of a message id, which must be its topic's site's own."""
    owner, _, rest = message_id.partition(":")
    boot, _, seq = rest.partition(":")
    if owner != site or not (0 < len(boot) <= 40 and boot.isascii() and boot.isalnum()):
        raise RefusedError("identity", f"id {message_id[:120]!r} does not belong to {site!r}")
    if not (seq.isascii() and seq.isdigit() and len(seq) <= 16 and int(seq) <= MAX_SEQ):
        raise RefusedError("identity", f"id {message_id[:120]!r} has no sequence number")
    return boot, int(seq)
