"""Pure: stored checks and incidents as lines of a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contract.messages import CheckDone
from control_center.board import wording
from control_center.board.alerts import remark
from control_center.board.wording import Word
from control_center.incidents.model import Incident, Span
from control_center.store.registry import MeetingRecord


@dataclass(frozen=True, kw_only=True)
class VerdictView:
    """What a check said of one component."""

    label: str
    word: Word
    why: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CheckView:
    """Proof that a check ran."""

    id: str
    site: str
    site_name: str
    phase: str
    reason: str
    began_at: datetime
    took: str
    verdicts: tuple[VerdictView, ...]


def check_view(site: str, site_name: str, check: CheckDone) -> CheckView:
    """What the meeting page says of a check."""
    verdicts = tuple(
        VerdictView(
            label=wording.component(verdict.component),
            word=wording.STATE[verdict.state],
            why="" if verdict.why_unknown is None else wording.FAILURE[verdict.why_unknown],
            sentences=tuple(remark(found) for found in verdict.findings),
        )
        for verdict in check.verdicts
    )
    return CheckView(
        id=check.check,
        site=site,
        site_name=site_name,
        phase=wording.PHASE[check.phase],
        reason=wording.REASON[check.reason],
        began_at=check.began_at,
        took=wording.duration(check.ended_at - check.began_at),
        verdicts=verdicts,
    )


def span_words(record: MeetingRecord) -> str:
    """When a meeting is live, in words."""
    return wording.span(record.plan.live.begins_at, record.plan.live.ends_at)


def span_lines(incident: Incident) -> list[str]:
    """Each time an incident came and went, in words."""
    return [f"{wording.stamp(span.began_at)} → {_end(span)}" for span in incident.spans]


def _end(span: Span) -> str:
    if span.ended_at is None:
        return "chưa kết thúc"
    return f"{wording.stamp(span.ended_at)} ({wording.duration(span.ended_at - span.began_at)})"
