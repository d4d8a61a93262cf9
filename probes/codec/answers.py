"""What one protocol said of the conferencing system, and how a network error is called. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from contract.readings import Failure


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one protocol said.

    Attributes:
        figures: By metric.
        names: What the system calls itself, in no language; empty where the protocol does not tell.
        failure: Why it said nothing.
    """

    figures: Mapping[str, float] = {}
    names: str = ""
    failure: Failure | None = None


def failure_of(error: Exception) -> Failure:
    """The one place where a network error becomes a failure name."""
    match error:
        case TimeoutError():
            return Failure.TIMEOUT
        case ConnectionRefusedError() | ConnectionResetError():
            return Failure.REFUSED
        case PermissionError():
            return Failure.PERMISSION
        case OSError():
            return Failure.UNREACHABLE
        case _:
            return Failure.BAD_DATA
