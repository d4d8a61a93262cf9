"""A meeting: real watches in namespaces, light senders beside them, one center that expects them all."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.link.network import CENTER, MCU, PORT, Network, Program

AHEAD_S = (0.0, 60.0, 0.0, -60.0, 0.0)
"""How wrong the clocks of the real sites are."""
BURST_MEAN_S, BURST_SHARE = 0.1, 0.02
"""Gilbert–Elliott: the bad state lasts exponentially long, loses all, and holds for this share of the time."""


class Rig:
    """The meeting.

    Args:
        network: Where the real sites are.
        sites: All sites in the meeting; those beyond the network's are light senders.
    """

    def __init__(self, network: Network, sites: int) -> None:
        self.network = network
        self.names = [f"site-{number}" for number in range(sites)]
        real = len(network.sites)
        addresses = {
            name: {"ssid": number + 1, "host": network.addresses[number] if number < real else ""} for number, name in enumerate(self.names)
        }
        self.center = Program(network.world, "bench.link.center", json.dumps(addresses))
        self.center.wait("started")
        self.flock = Program(network.world, "bench.link.flock", str(real + 1), str(sites - real))
        self.watches = [
            Program(network.sites[number], "bench.link.site", self._settings(number), str(AHEAD_S[number % len(AHEAD_S)]))
            for number in range(real)
        ]
        self._ended = threading.Event()
        self._weather: list[threading.Thread] = []
        self._await_all()
        self.center.tell(" ".join(self.names))
        self.center.wait("expecting")

    def _settings(self, number: int) -> str:
        targets = [f"gateway={self.network.gateways[number]}", f"mcu={MCU}", f"center=stamp:{CENTER}:{PORT}"]
        return json.dumps({"ssid": number + 1, "targets": targets})

    def _await_all(self) -> None:
        for watch in self.watches:
            ends_s = time.monotonic() + 60
            while True:
                watch.tell("light")
                if {end["light"] for end in watch.wait("light")["said"]} == {"up"}:
                    break
                if time.monotonic() > ends_s:
                    raise TimeoutError("a watch does not reach its ends")
                time.sleep(0.3)

    def rain(self, number: int, seed: int) -> None:
        """Bursts of total loss on a site's cable from now on."""
        thread = threading.Thread(target=self._bursts, args=(number, random.Random(seed)), daemon=True)
        self._weather.append(thread)
        thread.start()

    def _bursts(self, number: int, chance: random.Random) -> None:
        while not self._ended.wait(chance.expovariate(BURST_SHARE / (BURST_MEAN_S * (1 - BURST_SHARE)))):
            self.network.put(number, "burst", present=True)
            self._ended.wait(chance.expovariate(1 / BURST_MEAN_S))
            self.network.put(number, "burst", present=False)

    def clear_up(self) -> None:
        """No bursts any more."""
        self._ended.set()
        for thread in self._weather:
            thread.join()
        self._weather.clear()
        self._ended.clear()

    def close(self) -> None:
        """End all programs."""
        self.clear_up()
        for program in (*self.watches, self.flock, self.center):
            program.close()


@contextmanager
def meeting(network: Network, sites: int) -> Iterator[Rig]:
    """A meeting of so many sites."""
    rig = Rig(network, sites)
    try:
        yield rig
    finally:
        rig.close()
