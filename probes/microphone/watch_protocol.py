"""What the microphone watch is asked and what it says; imports no NumPy, so that the daemon can read it.

The daemon starts ``python -m probes.microphone.watch``, writes one `WatchRequest` as a line of JSON to its standard input and
keeps that pipe open. The watch answers with one `WatchLine` of JSON a line, flushed, until the pipe is closed:

- ``levels``: once a second, the figures of that second and the findings that hold now. It is also the sign of life:
  `SILENT_AFTER_S` without any line mean that the watch hangs.
- ``onset``: at once, when a fault begins; the report holds that one finding. ``since`` is its begin in UTC.
- ``cleared``: at once, when it ends; the same finding with the same ``since``, now with ``ended_at_s`` (a source that failed has
  none: it ended at ``report.began_at``).

A change of limits or phase means a new child. When a source fails, the watch says so (``onset`` of ``microphone.absent`` or
``microphone.busy``, else a ``levels`` line whose reading carries the failure) and goes on trying to open it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from contract.messages import ProbeReport
from probes.interface import Look
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings

MODULE = "probes.microphone.watch"
"""What to run with ``python -m``."""
SILENT_AFTER_S = 5.0
"""Without a line for this long the watch is to be taken for hung, and replaced."""


class WatchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to listen to, judged by which limits, in which phase."""

    settings: MicrophoneSettings
    limits: MicrophoneLimits = MicrophoneLimits()
    look: Look = Look()


class WatchLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the watch."""

    kind: Literal["levels", "onset", "cleared"]
    report: ProbeReport
