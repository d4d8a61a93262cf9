"""What turns a camera, whatever language it speaks: recall a preset, read where it looks. No socket here."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec

from contract.readings import Failure


class Answer(StrEnum):
    """What a camera said to a recall. None of it proves anything: only the position and the picture do."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    SILENT = "silent"


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a camera looks, in percent of its whole range; None for an axis that it does not tell."""

    pan_percent: float | None = None
    tilt_percent: float | None = None
    zoom_percent: float | None = None

    def apart_percent(self, other: Position) -> float:
        """The largest difference of any axis that both tell; 0 where they share none."""
        pairs = (
            (self.pan_percent, other.pan_percent),
            (self.tilt_percent, other.tilt_percent),
            (self.zoom_percent, other.zoom_percent),
        )
        return max((abs(one - another) for one, another in pairs if one is not None and another is not None), default=0.0)


class PtzError(Exception):
    """The camera's control port gave no answer that can be used.

    Attributes:
        failure: Why, in the contract's words.
        seen: What was seen of it, a word for the log; never a password.
    """

    def __init__(self, failure: Failure, seen: str = "") -> None:
        super().__init__(f"{failure}{': ' + seen if seen else ''}")
        self.failure = failure
        self.seen = seen


class Ptz(Protocol):
    """A camera that can be turned."""

    def recall(self, key: str) -> Answer:
        """Ask for a preset.

        Raises:
            PtzError: the port cannot be spoken to at all.
        """
        ...

    def position(self) -> Position:
        """Where it looks now, by its own word.

        Raises:
            PtzError: it does not say; unsupported if it cannot.
        """
        ...

    def preset_position(self, key: str) -> Position | None:
        """Where it says that a preset lies, without moving; None if it does not tell."""
        ...

    def close(self) -> None:
        """Leave the connection."""
        ...
