"""Light senders: many sites' STAMP packets at the rate of a live meeting from one thread; ``python -m bench.link.flock FIRST COUNT``.

They keep the reflector as busy as so many agents would. Nothing is judged here but how many packets came back; times in which
this program itself stood still are told, for then its sites were silent indeed.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time

import msgspec

from bench.link.network import CENTER, PORT
from bench.link.site import say
from contract import stamp

INTERVAL_S = 0.05
BATCHES = 10
STALL_S = 0.2


class Totals(msgspec.Struct):
    """What was sent, what came back, and when nothing could be sent (Unix times)."""

    sent: int = 0
    back: int = 0
    stalls: list[tuple[float, float]] = []


def main() -> None:
    """Send until the input ends."""
    first, count = int(sys.argv[1]), int(sys.argv[2])
    ended = threading.Event()
    totals = Totals()
    sender = threading.Thread(target=_send, args=(range(first, first + count), ended, totals))
    sender.start()
    say("started", {})
    for line in sys.stdin:
        if line.strip() == "totals":
            say("totals", totals)
    ended.set()
    sender.join()


def _send(ssids: range, ended: threading.Event, totals: Totals) -> None:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)  # noqa: FBT003 — the standard library has it so
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    made.connect((CENTER, PORT))
    beat, next_s = 0, time.monotonic()
    while not ended.is_set():
        for ssid in ssids[beat % BATCHES :: BATCHES]:
            packet = stamp.SenderPacket(
                seq=beat // BATCHES, sent=stamp.ntp_from_ns(time.time_ns()), ssid=ssid, tlvs=(stamp.cadence(round(INTERVAL_S * 1000)),)
            )
            with contextlib.suppress(OSError):
                made.send(stamp.pack_sender(packet))
                totals.sent += 1
        with contextlib.suppress(OSError):
            while made.recv(2048):
                totals.back += 1
        beat += 1
        next_s += INTERVAL_S / BATCHES
        late_s = time.monotonic() - next_s
        if late_s > STALL_S:
            totals.stalls.append((time.time() - late_s, time.time()))
        time.sleep(max(0.0, -late_s))
    made.close()


if __name__ == "__main__":
    main()
