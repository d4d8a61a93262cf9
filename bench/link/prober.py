"""Our own sockets at a fixed rate: ``python -m bench.link.prober COUNT INTERVAL_MS``; says each round trip, as the probe takes it."""

from __future__ import annotations

import sys
import time

from bench.link.network import CENTER, MCU, PORT
from bench.link.site import say
from probes.link.limits import Kind, Target
from probes.link.measure import rtt_ms_of
from probes.link.source import Wire


def main() -> None:
    """Send and say."""
    count, interval_s = int(sys.argv[1]), float(sys.argv[2]) / 1000
    wires = {
        "icmp": Wire(Target(host=MCU), MCU),
        "stamp": Wire(Target(host=CENTER, kind=Kind.STAMP, port=PORT), CENTER),
    }
    sent: dict[str, dict[int, int]] = {kind: {} for kind in wires}
    trips: dict[str, dict[int, float]] = {kind: {} for kind in wires}
    next_s = time.monotonic()
    for seq in range(count + 50):
        for kind, wire in wires.items():
            if seq < count:
                sent[kind][seq] = time.time_ns()
                wire.send(seq)
        next_s += interval_s
        time.sleep(max(0.0, next_s - time.monotonic()))
        for kind, wire in wires.items():
            heard = wire.hear()
            sent[kind].update(heard.left)
            for answer in heard.answers:
                rtt_ms = rtt_ms_of(sent[kind][answer.seq], answer.received_ns, answer.reply)
                if rtt_ms is not None:
                    trips[kind][answer.seq] = rtt_ms
    say("series", {"icmp": f"icmp {wires['icmp']._ident}", "stamp": "stamp"})
    say("trips", trips)


if __name__ == "__main__":
    main()
