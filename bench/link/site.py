"""One site's link watch, as the agent runs it: ``python -m bench.link.site SETTINGS``; says events as lines of JSON."""

from __future__ import annotations

import json
import sys
import time

import msgspec

from contract.meetings import Phase
from edge_agent.link_watch import LinkWatch
from probes.link.limits import LinkLimits, LinkSettings


def say(what: str, content: object) -> None:
    """One line."""
    print(json.dumps({"what": what, "at": time.time(), "said": msgspec.to_builtins(content)}), flush=True)


def main() -> None:
    """Watch until the input ends."""
    settings = msgspec.json.decode(sys.argv[1], type=LinkSettings)
    watch = LinkWatch(settings, LinkLimits(), lambda event: say(type(event).__name__, event))
    watch.set_phase(Phase.LIVE, "bench")
    watch.start()
    for line in sys.stdin:
        if line.strip() == "light":
            say("light", watch.light())
    watch.stop()


if __name__ == "__main__":
    main()
