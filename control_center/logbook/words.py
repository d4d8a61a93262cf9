"""The Vietnamese of the form: instants, durations, and one plain sentence per kind of fault."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from contract.catalog import FaultSpec
from contract.catalog.words import fill
from contract.messages import Interruption, Lifecycle
from contract.readings import Failure
from control_center.incidents.model import Place
from control_center.incidents.rules import CONNECTIVITY
from control_center.logbook.evidence import Episode

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
LISTED_AT_MOST = 3
"""So many episodes of one kind are listed with their times; more are summed up."""
QUIET_TOTAL_S = 1.0
"""Short interruptions that sum up to less are a figure of the board, not a sentence of the form."""

_LOST = {
    Place.SITE_LAN: "Mất kết nối mạng nội bộ tại điểm cầu",
    Place.GATEWAY: "Mất kết nối tới thiết bị cổng kết nối của điểm cầu",
    Place.TSLCD: "Mất kết nối đường TSLCD",
    Place.MCU: "Mất kết nối tới MCU",
    Place.CENTER: "Mất kết nối tới Trung tâm điều khiển",
    Place.AGENT: "Mất liên lạc với máy giám sát của điểm cầu",
    Place.UNKNOWN: "Mất kết nối đường truyền",
}
_AT_PLACE = {
    Place.SITE_LAN: "tại mạng nội bộ của điểm cầu",
    Place.GATEWAY: "tại thiết bị cổng kết nối",
    Place.TSLCD: "trên đường TSLCD",
    Place.MCU: "tại MCU",
    Place.CENTER: "tại Trung tâm điều khiển",
}
_FAILURE = {
    Failure.ABSENT: "không thấy thiết bị",
    Failure.BUSY: "thiết bị đang được hệ thống họp sử dụng",
    Failure.TIMEOUT: "thiết bị không trả lời trong thời hạn",
    Failure.REFUSED: "thiết bị từ chối trả lời",
    Failure.UNREACHABLE: "không có đường mạng tới thiết bị",
    Failure.PERMISSION: "máy giám sát chưa được cấp quyền",
    Failure.UNSUPPORTED: "thiết bị không cho biết số liệu này",
    Failure.BAD_DATA: "số liệu nhận về không đọc được",
    Failure.SKIPPED: "tạm ngừng đo để không ảnh hưởng cuộc họp",
    Failure.NOT_HEARD: "chưa có tiếng nói để đánh giá",
    Failure.CRASHED: "bộ dò bị lỗi phần mềm",
}
NOT_FITTED = "Không trang bị"
_RESTARTED = {
    "power_lost": "do mất điện",
    "kernel_panic": "do hệ điều hành của máy giám sát bị lỗi (kernel panic)",
    "rebooted": "do máy khởi động lại",
    "crashed": "do lỗi phần mềm",
}
_WHY_AWAY = {**_RESTARTED, "planned": "do được tắt chủ động"}
"""Why a site fell silent, as the agent itself told when it came back."""


def clock(instant: datetime, day: date) -> str:
    """Time of day in Vietnam, ``HH:MM:SS``; with day and month if it is not of `day`."""
    local = instant.astimezone(VIETNAM)
    return f"{local:%H:%M:%S}" if local.date() == day else f"{local:%H:%M:%S ngày %d/%m/%Y}"


def duration(seconds: float) -> str:
    """Length in words: tenths below ten seconds, then seconds, minutes and hours."""
    if seconds < 9.95:
        tenths = f"{max(seconds, 0.0):.1f}".removesuffix(".0").replace(".", ",")
        return f"{tenths} giây"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    parts = [f"{hours} giờ"] * bool(hours) + [f"{minutes} phút"] * bool(minutes) + [f"{rest} giây"] * bool(rest)
    return " ".join(parts)


def held(begins_at: datetime, ends_at: datetime) -> str:
    """What "Thời gian tổ chức" says: from when to when, the clock said once for the whole form."""
    begin, end = begins_at.astimezone(VIETNAM), ends_at.astimezone(VIETNAM)
    pattern = "%H:%M" if begin.second == end.second == 0 else "%H:%M:%S"
    if begin.date() == end.date():
        return f"từ {begin.strftime(pattern)} đến {end.strftime(pattern)} ngày {begin:%d/%m/%Y} (giờ Việt Nam)"
    return f"từ {begin.strftime(pattern)} ngày {begin:%d/%m/%Y} đến {end.strftime(pattern)} ngày {end:%d/%m/%Y} (giờ Việt Nam)"


def why_not_measured(failure: Failure | None) -> str:
    """Note of a device line that could not be judged."""
    if failure is Failure.NOT_FITTED:
        return NOT_FITTED
    return f"Chưa kiểm tra: {_FAILURE[failure]}" if failure is not None else "Chưa kiểm tra: không có số liệu"


def title(code: str, faults: Mapping[str, FaultSpec]) -> str:
    """Short Vietnamese name of a fault; the raw code of one that only a newer agent knows."""
    spec = faults.get(code)
    return f"Sự cố {code}" if spec is None else spec.title_vi


def told(kind: Sequence[Episode], faults: Mapping[str, FaultSpec], day: date) -> str:
    """One sentence about all episodes of one kind (same fault, target and place), oldest first."""
    first, last = kind[0], kind[-1]
    head = _head(first, faults)
    pieces = [piece for episode in kind for piece in _pieces(episode)]
    count = max(sum(episode.times for episode in kind), len(pieces))
    if count == 1:
        return _sentence(f"{head} {_span(first, day)}", first, faults)
    longest = max(kind, key=_seconds)
    lengths_s = [_seconds(piece) for piece in pieces]
    if len(pieces) == 1:
        return _sentence(f"{head}, chập chờn {count} lần, {_span(first, day)}", first, faults)
    if count == len(pieces) <= LISTED_AT_MOST:
        spans = "; ".join(_span(piece, day) for piece in pieces)
        total = f", tổng {duration(sum(lengths_s))}" if all(piece.ended_at for piece in pieces) else ""
        return _sentence(f"{head} {count} lần{total}: {spans}", longest, faults, several=True)
    over = last.last_known_at
    between = f"từ {clock(first.began_at, day)} đến {clock(over, day) if over is not None else 'khi kết thúc'}"
    total = f"tổng {duration(sum(lengths_s))}, lâu nhất {duration(max(lengths_s))}"
    still = "; lần cuối đến khi kết thúc vẫn chưa khắc phục" if last.lasting else ""
    return _sentence(f"{head} {count} lần {between}, {total}{still}", longest, faults, several=True)


def _pieces(episode: Episode) -> tuple[Episode, ...]:
    """An episode that came and went, as the single times it was there; the last one ends as the episode does."""
    if not episode.spans:
        return (episode,)
    ends = [*(span.ended_at for span in episode.spans[:-1]), episode.ended_at]
    return tuple(
        msgspec.structs.replace(episode, began_at=span.began_at, ended_at=end, times=1, spans=())
        for span, end in zip(episode.spans, ends, strict=True)
    )


def _head(episode: Episode, faults: Mapping[str, FaultSpec]) -> str:
    if episode.finding.code in CONNECTIVITY:
        name = _LOST[episode.place]
    else:
        name = title(episode.finding.code, faults)
        name += f" {_AT_PLACE[episode.place]}" if episode.place in _AT_PLACE else ""
    why = _WHY_AWAY.get(str(episode.finding.details.get("cause", "")))
    return f"{name} {why}" if why else name


def _span(episode: Episode, day: date) -> str:
    begin = clock(episode.began_at, day)
    if episode.ended_at is not None:
        return f"từ {begin} đến {clock(episode.ended_at, day)} ({duration(_seconds(episode))})"
    if episode.gone_by is not None:
        return f"từ {begin}, kiểm tra lại lúc {clock(episode.gone_by, day)} không còn"
    return f"từ {begin}, đến khi kết thúc vẫn chưa khắc phục"


def _seconds(episode: Episode) -> float:
    over = episode.last_known_at
    return 0.0 if over is None else max((over - episode.began_at) / timedelta(seconds=1), 0.0)


def _sentence(opening: str, episode: Episode, faults: Mapping[str, FaultSpec], *, several: bool = False) -> str:
    """The opening (what, when, how long) with figure and limit behind it, where the catalog has them."""
    common = "; xảy ra đồng thời tại nhiều điểm cầu" if episode.common else ""
    spec = faults.get(episode.finding.code)
    figures = "" if spec is None or episode.finding.code in CONNECTIVITY else _figures(spec, episode)
    if not figures:
        return f"{opening}{common}."
    return f"{opening}. Lần lâu nhất: {figures}{common}." if several else f"{opening}: {figures}{common}."


def _figures(spec: FaultSpec, episode: Episode) -> str:
    """The catalog's sentence; nothing if it needs a figure or word that this telling does not have."""
    names = {name for _, name, _, _ in string.Formatter().parse(spec.vi) if name}
    known = set(episode.finding.details) | {"target"}
    known |= {name for name in ("figure", "limit", "frequency_hz") if getattr(episode.finding, name) is not None}
    sentence = fill(spec.vi, episode.finding, "vi").rstrip(".")
    return lower_first(sentence) if names <= known and sentence != spec.title_vi else ""


def lower_first(text: str) -> str:
    """A sentence that goes on after a colon; words written in capitals stay."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def quiet_interruptions(gaps: Sequence[Interruption]) -> str:
    """One quiet sentence about interruptions too short to be incidents; empty if they sum up to almost nothing."""
    lengths_s = [max(gap.duration_s - gap.blind_s, 0.0) for gap in gaps]
    if not gaps or sum(lengths_s) < QUIET_TOTAL_S:
        return ""
    if len(gaps) == 1:
        return f"Đường truyền gián đoạn thoáng qua 1 lần, {duration(lengths_s[0])}."
    return f"Đường truyền gián đoạn thoáng qua {len(gaps)} lần, tổng {duration(sum(lengths_s))}, lâu nhất {duration(max(lengths_s))}."


def restarted(life: Lifecycle, day: date) -> str:
    """That the site PC came back, and why it had been away: told apart from a lost link."""
    why = _RESTARTED.get(life.cause)
    if life.what != "started" or why is None:
        return ""
    since = f", ngừng ghi nhận từ {clock(life.last_seen_at, day)}" if life.last_seen_at is not None else ""
    return f"Máy giám sát khởi động lại lúc {clock(life.at, day)} {why}{since}."
