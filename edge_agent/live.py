"""Whether people meet at the site, or are about to: then nothing may be played or turned by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from contract.meetings import Phase
from contract.messages import Agenda
from contract.toml_file import ConfigError
from edge_agent import agenda, keep
from edge_agent.status import FILE, AgentStatus


def refuse_in_a_meeting(directory: Path, now: datetime, lasts: timedelta, *, command: str, refused: str) -> None:
    """Raise `ConfigError` while a meeting is live, or would be: by the agenda on disk and by what the running agent says.

    Args:
        directory: State directory.
        now: The instant, UTC.
        lasts: How long the work takes; a meeting must not begin in it.
        command: Who asks, for the sentence.
        refused: What is not done, for the sentence.
    """
    kept = keep.read(directory / agenda.FILE, Agenda)
    meetings = kept.meetings if kept is not None else ()
    for instant in (now, now + lasts):
        seen = agenda.outlook(meetings, instant)
        if seen.phase is Phase.LIVE and seen.meeting is not None:
            raise ConfigError(f"{command}: đang họp hoặc sắp họp “{seen.meeting.title}”, {refused}")
    said = keep.read(directory / FILE, AgentStatus)
    if said is not None and said.speaks(now) and said.phase is Phase.LIVE:
        raise ConfigError(f"{command}: tác tử đang chạy cho biết cuộc họp đang diễn ra, {refused}")
