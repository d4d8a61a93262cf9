"""One run of one heavy probe in a process of its own: a `Request` on standard input, a `ProbeReport` on standard output.

The daemon starts it with ``python -m probes``; killing it is safe at any moment.
"""

from __future__ import annotations

import sys

import msgspec

from probes.interface import Look
from probes.registry import PROBES


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which probe, with what, under which circumstances."""

    probe: str
    settings: msgspec.Raw
    limits: msgspec.Raw
    look: Look


def main() -> int:
    """Run the probe that standard input asks for."""
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    entry = PROBES[request.probe]
    settings = msgspec.json.decode(request.settings, type=entry.settings)
    limits = msgspec.json.decode(request.limits, type=entry.limits)
    report = entry.load()(settings, limits, request.look)
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
