"""One site's link watch, as the agent runs it: ``python -m bench.link.site SETTINGS AHEAD_S``; says events as lines of JSON."""

from __future__ import annotations

import json
import sys
import time

import msgspec

from bench.link.another_clock import put_ahead
from contract.meetings import Phase
from edge_agent.link_watch import LinkWatch
from probes.link.limits import LinkLimits, LinkSettings


def say(what: str, content: object, ahead_s: float = 0.0) -> None:
    """One line: what is said, when (by the machine's clock), and how much the site knows its own clock to be ahead."""
    print(json.dumps({"what": what, "at": time.time(), "ahead_s": ahead_s, "said": msgspec.to_builtins(content)}), flush=True)


def main() -> None:
    """Watch until the input ends."""
    settings = msgspec.json.decode(sys.argv[1], type=LinkSettings)
    put_ahead(float(sys.argv[2]))

    def known_s() -> float:
        offset = watch.clock_offset()
        return 0.0 if offset is None else offset.offset_ms / 1000

    watch = LinkWatch(settings, LinkLimits(), lambda event: say(type(event).__name__, event, known_s()))
    watch.set_phase(Phase.LIVE, "bench")
    watch.start()
    for line in sys.stdin:
        if line.strip() == "light":
            say("light", watch.light())
    watch.stop()


if __name__ == "__main__":
    main()
