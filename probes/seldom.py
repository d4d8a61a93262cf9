"""What the link probe asks seldom: when it is time for it, and what is remembered of it in the state directory."""

from __future__ import annotations

import contextlib
import logging
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from contract.meetings import Phase

log = logging.getLogger(__name__)

ASKED_PHASES = frozenset({Phase.IDLE, Phase.REHEARSAL, Phase.PRECHECK})
"""Never while people meet."""
ASKED_ANEW = frozenset({Phase.REHEARSAL, Phase.PRECHECK})
"""Phases that ask once at their begin, however recent the last look is."""

_T = TypeVar("_T")


def time_to_ask(asked_at: datetime, asked_in: Phase, phase: Phase, now: datetime, period_s: float, *, suspects: bool) -> bool:
    """Whether to ask again: a suspicion is cleared up by the very next look."""
    if phase not in ASKED_PHASES:
        return False
    if suspects or (phase in ASKED_ANEW and asked_in is not phase):
        return True
    return not 0 <= (now - asked_at).total_seconds() < period_s  # a clock that was set back asks too


def recall(path: Path, kind: type[_T]) -> _T | None:
    """What `keep` wrote; None if nothing was, or it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("%s is left unread, what it held is learnt anew: %s", path, error)
        return None


def keep(path: Path, what: object) -> bool:
    """Replace a file of the state directory by a JSON document, in one step; whether it was written."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_bytes(msgspec.json.encode(what))
        fresh.replace(path)
    except OSError as error:
        log.warning("%s was not written: %s", path, error.strerror)
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        return False
    return True
