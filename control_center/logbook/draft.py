"""Draw the logbook form of a meeting from what is stored. Pure: no clock, no database.

The rules, in the order in which they are asked:

- A device line is "Bình thường" if a check after the meeting measured it and found nothing that the form tells. What
  begins after such a check and does not end is the room being switched off (Điều 12.1): no fault.
- It is "hư hỏng" if a fault whose effect is "damaged" stood to the end: it is still open, and the check after the
  meeting, if it could measure, still found it.
- Otherwise both boxes stay empty, with the reason: not fitted, not checked (and why), or measured with a fault that calls
  no device damaged. A good check from before the meeting ticks nothing; it is mentioned.
- A site is "Sự cố" if a fault that the form tells touched the meeting itself, or a device is damaged at the end. What was
  cleared before the meeting or came after it is told, not ticked.
- A site is "Bình thường" if every fitted line is, and the check after the meeting found the link well too.
- Short interruptions of the link tick nothing; together they are one quiet sentence, or none if they sum up to almost
  nothing (`words.QUIET_TOTAL_S`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import msgspec

from contract.catalog import FAULTS, LINE_OF, FaultSpec, FormEffect, FormLine
from contract.findings import Component, Finding, Severity, State, Verdict
from contract.meetings import Meeting, Role
from contract.messages import CheckDone, Interruption, Lifecycle
from control_center.logbook import words
from control_center.logbook.evidence import MEASURED, Episode, SiteEvidence, episodes, final_checks
from control_center.logbook.form import Basis, FormDocument, FormRow, Line, Tick, printable

SENTENCES_AT_MOST = 12
"""A row tells so many kinds of fault; the rest is counted, so that a row stays on a page."""
OTHER_STANDS_FOR = "máy giám sát"
"""What the line "Khác" speaks of: the site's monitoring PC."""
_COMPONENT_OF = {line: component for component, line in LINE_OF.items() if line is not None}


class _Seen(msgspec.Struct, frozen=True):
    """The verdict that counts for a component, and the message that brought it."""

    message_id: str
    verdict: Verdict
    began_at: datetime


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """All that the rules look at for one site."""

    meeting: Meeting
    evidence: SiteEvidence
    faults: Mapping[str, FaultSpec]
    known: tuple[Episode, ...]
    seen: dict[str, _Seen]

    @property
    def day(self) -> date:
        """Day of the meeting in Vietnam."""
        return self.meeting.plan.live.begins_at.astimezone(words.VIETNAM).date()

    def effect(self, found: Finding) -> FormEffect:
        """What a finding does to the form; one that only a newer agent knows is told."""
        spec = self.faults.get(found.code)
        return FormEffect.TOLD if spec is None else spec.effect

    def when(self, episode: Episode) -> str:
        """Which side of the meeting: "before" (cleared by the opening), "after" (came when it was over) or "during"."""
        over = episode.last_known_at
        if over is not None and over <= self.meeting.plan.live.begins_at:
            return "before"
        return "after" if episode.began_at >= self.meeting.plan.live.ends_at else "during"


def draft(
    meeting: Meeting, evidence: Iterable[SiteEvidence], *, drafted_at: datetime, faults: Mapping[str, FaultSpec] = FAULTS
) -> FormDocument:
    """Form II of `meeting`.

    Args:
        meeting: With its plan and the part of each site; rows follow the order of the participations.
        evidence: What is stored per site; a site without any gets a row that says so.
        drafted_at: When the store was read, UTC.
        faults: The catalog.
    """
    of_site = {one.site: one for one in evidence}
    rows: dict[Role, list[FormRow]] = {Role.MAIN: [], Role.BRANCH: []}
    for part in meeting.participations:
        known = of_site.get(part.site) or SiteEvidence(site=part.site, name=part.site)
        rows[part.role].append(draft_row(meeting, known, faults))
    return FormDocument(
        meeting=meeting.id,
        title=printable(meeting.title),
        organizer=printable(meeting.organizer),
        begins_at=meeting.plan.live.begins_at,
        ends_at=meeting.plan.live.ends_at,
        main=tuple(rows[Role.MAIN]),
        branches=tuple(rows[Role.BRANCH]),
        drafted_at=drafted_at,
    )


def draft_row(meeting: Meeting, evidence: SiteEvidence, faults: Mapping[str, FaultSpec] = FAULTS) -> FormRow:
    """Row of one site."""
    case = _case(meeting, evidence, faults)
    camera, codec, microphone, cables, other = (_line(name, case) for name in FormLine)
    lines = (camera, codec, microphone, cables, other)
    row = FormRow(site=evidence.site, name=printable(evidence.name), lines=lines, description=_description(case))
    hurting = [one for one in case.known if _is_told(one) and case.when(one) == "during"]
    damaged = [line for line in lines if line.tick is Tick.WRONG]
    if hurting or damaged:
        ids = [one for episode in hurting for one in episode.ids] + [one for line in damaged for one in line.basis.evidence]
        return msgspec.structs.replace(row, tick=Tick.WRONG, basis=_basis(ids))
    why_not = _why_not_normal(lines, case)
    if why_not:
        return msgspec.structs.replace(row, note=why_not)
    ids = [one for line in lines for one in line.basis.evidence]
    return msgspec.structs.replace(row, tick=Tick.NORMAL, basis=_basis([*ids, case.seen[Component.LINK].message_id]))


def _case(meeting: Meeting, evidence: SiteEvidence, faults: Mapping[str, FaultSpec]) -> _Case:
    """All that is known of a site, without what is only its being switched off."""
    case = _Case(meeting=meeting, evidence=evidence, faults=faults, known=episodes(evidence, meeting, faults), seen={})
    case = msgspec.structs.replace(case, seen=_final_verdicts(case))
    return msgspec.structs.replace(case, known=tuple(one for one in case.known if not _switched_off(one, case)))


def _basis(ids: Iterable[str]) -> Basis:
    return Basis(evidence=tuple(dict.fromkeys(ids)))


def _is_told(episode: Episode) -> bool:
    """Whether "Mô tả sự cố" tells it; a look that merely failed speaks on its device line instead, if there is one."""
    if episode.effect is not FormEffect.NOT_MEASURED:
        return True
    return _line_of(episode.finding.component) is None and not episode.finding.target


def _line_of(component: str) -> FormLine | None:
    return LINE_OF[Component(component)] if component in set(Component) else None


def _final_verdicts(case: _Case) -> dict[str, _Seen]:
    """Per component the verdict that counts: one that says "well" after the meeting, else the last that measured, else the last."""

    def weight(verdict: Verdict) -> int:
        return 2 if not _why_unjudged(verdict, case) else int(verdict.state in MEASURED)

    best: dict[str, _Seen] = {}
    for message_id, check in final_checks(case.evidence, case.meeting):
        for verdict in check.verdicts:
            known = best.get(verdict.component)
            if known is None or weight(verdict) >= weight(known.verdict):
                best[verdict.component] = _Seen(message_id, verdict, check.began_at)
    return best


def _switched_off(episode: Episode, case: _Case) -> bool:
    """Whether an episode is only the room being switched off after a check that had found all well."""
    seen = case.seen.get(episode.finding.component)
    if seen is None or _why_unjudged(seen.verdict, case):
        return False
    return episode.lasting and episode.began_at >= max(seen.began_at, case.meeting.plan.live.ends_at)


def _line(name: FormLine, case: _Case) -> Line:
    """One device line, by the rules at the head of this file."""
    component = _COMPONENT_OF[name]
    lasting = [one for one in case.known if one.finding.component == component and one.lasting]
    broken = [one for one in lasting if one.effect is FormEffect.DAMAGED]
    stands_for = OTHER_STANDS_FOR if name is FormLine.OTHER else ""
    if broken:
        return Line(name=name, tick=Tick.WRONG, note=stands_for, basis=_basis(one for episode in broken for one in episode.ids))
    final = case.seen.get(component)
    if component in case.evidence.not_fitted and (final is None or final.verdict.state not in MEASURED):
        return Line(name=name, note=words.NOT_FITTED)
    if final is None:
        why_not = "Chưa kiểm tra: máy giám sát không theo dõi mục này" if case.seen else "Chưa kiểm tra sau cuộc họp"
        return Line(name=name, note=why_not + _good_before(component, case))
    why_not = _why_unjudged(final.verdict, case)
    telling = [one for one in lasting if one.effect is FormEffect.TOLD]
    if telling and not why_not:
        why_not = f"Chưa kết luận: {words.lower_first(words.title(telling[0].finding.code, case.faults))}"
    if not why_not:
        return Line(name=name, tick=Tick.NORMAL, note=stands_for, basis=_basis([final.message_id]))
    before = "" if why_not == words.NOT_FITTED else _good_before(component, case)
    return Line(name=name, note=why_not + before, basis=_basis([final.message_id]))


def _why_unjudged(verdict: Verdict, case: _Case) -> str:
    """Why a verdict does not say "Bình thường"; empty if it does."""
    if verdict.state is State.OK:
        return ""
    if verdict.state is State.NOT_FITTED:
        return words.NOT_FITTED
    if verdict.state is State.UNKNOWN:
        return words.why_not_measured(verdict.why_unknown)
    telling = [one for one in verdict.findings if one.severity is not Severity.INFO and case.effect(one) is not FormEffect.NONE]
    unmeasured = [one for one in telling if case.effect(one) is FormEffect.NOT_MEASURED]
    if unmeasured:
        return f"Chưa kiểm tra: {words.lower_first(words.title(unmeasured[0].code, case.faults))}"
    return f"Chưa kết luận: {words.lower_first(words.title(telling[0].code, case.faults))}" if telling else ""


def _good_before(component: str, case: _Case) -> str:
    """Mention of the last check up to the end of the meeting that found the component well."""
    good = [
        record.event.ended_at
        for record in case.evidence.records
        if isinstance(record.event, CheckDone)
        and record.event.began_at < case.meeting.plan.live.ends_at
        and any(verdict.component == component and verdict.state is State.OK for verdict in record.event.verdicts)
    ]
    return f"; lúc {words.clock(max(good), case.day)} còn bình thường" if good else ""


def _why_not_normal(lines: Sequence[Line], case: _Case) -> str:
    """Why a site without a fault still is not "Bình thường"; empty if it is."""
    if not case.evidence.records:
        return "Chưa kết luận: không nhận được số liệu nào từ điểm cầu"
    if not case.seen:
        return "Chưa kết luận: không có kết quả kiểm tra sau cuộc họp"
    missing = [line.name.value for line in lines if line.tick is Tick.NEITHER and line.note != words.NOT_FITTED]
    if missing:
        return f"Chưa kết luận: còn mục chưa được kiểm tra hoặc chưa bình thường: {', '.join(missing)}"
    if not any(line.tick is Tick.NORMAL for line in lines):
        return "Chưa kết luận: không có thiết bị nào được kiểm tra"
    link = case.seen.get(Component.LINK)
    if link is None or _why_unjudged(link.verdict, case):
        return "Chưa kết luận: đường truyền chưa được kiểm tra sau cuộc họp"
    return ""


def _description(case: _Case) -> tuple[str, ...]:
    """Sentences of "Mô tả sự cố": before, during and after the meeting, each kind of fault once."""
    kinds: dict[tuple[str, ...], list[Episode]] = {}
    for episode in case.known:
        if _is_told(episode):
            kinds.setdefault(
                (case.when(episode), *episode.family(), episode.place, str(episode.finding.details.get("cause", ""))), []
            ).append(episode)
    ordered = sorted(kinds.items(), key=lambda pair: (("before", "during", "after").index(pair[0][0]), pair[1][0].began_at))
    opening = {"before": "Trước cuộc họp (đã khắc phục): ", "during": "", "after": "Sau cuộc họp: "}
    sentences = [opening[key[0]] + words.told(kind, case.faults, case.day) for key, kind in ordered[:SENTENCES_AT_MOST]]
    if len(ordered) > SENTENCES_AT_MOST:
        sentences.append(f"Còn {len(ordered) - SENTENCES_AT_MOST} loại sự cố khác, xem chi tiết tại Trung tâm điều khiển.")
    sentences += [words.restarted(life, case.day) for life in _restarts(case)]
    sentences.append(words.quiet_interruptions(_short_gaps(case)))
    return tuple(printable(sentence) for sentence in sentences if sentence)


def _restarts(case: _Case) -> list[Lifecycle]:
    """Restarts within the meeting that no told silence already has as its cause."""
    caused = [one for one in case.known if "cause" in one.finding.details]
    return [
        one.event
        for one in case.evidence.records
        if isinstance(one.event, Lifecycle)
        and one.event.at in case.meeting.plan.live
        and not any(silence.overlaps(one.event.last_seen_at or one.event.at, one.event.at) for silence in caused)
    ]


def _short_gaps(case: _Case) -> list[Interruption]:
    """Unconfirmed interruptions within the meeting that no told episode of the link already covers."""
    links = [episode for episode in case.known if episode.finding.component == Component.LINK]
    return [
        one.event
        for one in case.evidence.records
        if isinstance(one.event, Interruption)
        and not one.event.confirmed
        and one.event.began_at in case.meeting.plan.live
        and not any(episode.overlaps(one.event.began_at, one.event.ended_at) for episode in links)
    ]
