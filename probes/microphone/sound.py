"""What a source of sound gives, and how it fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.readings import Failure


class SourceError(Exception):
    """The sound could not be had.

    Attributes:
        failure: The name of why, from the closed vocabulary.
    """

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure


class Block(NamedTuple):
    """Some sound.

    Attributes:
        samples: float32, shape (frames, channels), full scale ±1.
        gaps: How often the source lost some just before or in it.
        muted: Whether the mixer says that the microphone is muted; None where nobody says, or nothing was silent.
    """

    samples: NDArray[np.float32]
    gaps: int
    muted: bool | None = None


class Stream(Protocol):
    """The shape of some sound."""

    @property
    def rate_hz(self) -> int:
        """Samples a second of each channel."""
        ...

    @property
    def channels(self) -> int:
        """How many there are."""
        ...

    @property
    def full_scale(self) -> float:
        """At or above this magnitude a sample is clipped."""
        ...


class Source(Stream, Protocol):
    """An opened device or file."""

    name: str
    live: bool
    """A device, or a file played as one: its time is the clock's."""

    def blocks(self) -> Iterator[Block]:
        """All sound, in blocks of any length; raises `SourceError` if it breaks off."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...
