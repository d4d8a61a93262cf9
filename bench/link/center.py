"""The center's liveness: ``python -m bench.link.center SITES``; a line of names on the input are the sites that are expected."""

from __future__ import annotations

import sys

import msgspec

from bench.link.network import PORT
from bench.link.site import say
from control_center.liveness import Liveness, SiteAddress


def main() -> None:
    """Reflect until the input ends."""
    sites = msgspec.json.decode(sys.argv[1], type=dict[str, SiteAddress])
    liveness = Liveness("0.0.0.0", PORT, sites, lambda signal: say(signal.kind, signal))
    liveness.start()
    say("started", {})
    for line in sys.stdin:
        if line.strip() == "counters":
            say("counters", liveness.counters)
        else:
            liveness.expect(line.split())
            say("expecting", len(line.split()))
    liveness.stop()


if __name__ == "__main__":
    main()
