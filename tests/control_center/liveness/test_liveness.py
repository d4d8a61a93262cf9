from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from contract import stamp
from control_center.incidents.model import SilenceSignal, Witness
from control_center.liveness import Liveness, SiteAddress
from control_center.liveness.witness import Witnesses

PATIENCE_S = 30.0


class Desk:
    """Who hears the signals."""

    def __init__(self) -> None:
        self.told: list[SilenceSignal] = []
        self._changed = threading.Condition()

    def take(self, signal: SilenceSignal) -> None:
        with self._changed:
            self.told.append(signal)
            self._changed.notify_all()

    def wait(self, site: str, kind: str) -> SilenceSignal:
        with self._changed:
            assert self._changed.wait_for(lambda: self._of(site, kind), PATIENCE_S), f"no {kind} of {site}: {self.told}"
            return self._of(site, kind)[-1]

    def _of(self, site: str, kind: str) -> list[SilenceSignal]:
        return [signal for signal in self.told if (signal.site, signal.kind) == (site, kind)]


class Site:
    """Sends packets of one SSID, each from another port, as behind a relay that rewrites them."""

    def __init__(self, port: int, ssid: int) -> None:
        self._port, self._ssid = port, ssid
        self.sending = threading.Event()
        self.sending.set()
        self.ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        seq = 0
        while not self.ended:
            if self.sending.is_set():
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made, contextlib.suppress(OSError):
                    made.sendto(packet(self._ssid, seq), ("127.0.0.1", self._port))
                seq += 1
            time.sleep(0.04)

    def close(self) -> None:
        self.ended = True
        self._thread.join(5)


def packet(ssid: int, seq: int = 0) -> bytes:
    return stamp.pack_sender(stamp.SenderPacket(seq=seq, sent=stamp.ntp_from_ns(time.time_ns()), ssid=ssid, tlvs=(stamp.cadence(50),)))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def start(desk: Desk) -> Iterator[Callable[..., Liveness]]:
    made: list[Liveness] = []

    def begin(sites: dict[str, SiteAddress], host: str = "127.0.0.1") -> Liveness:
        made.append(Liveness(host, 0, sites, desk.take))
        made[-1].start()
        return made[-1]

    yield begin
    for one in made:
        one.stop()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::", "0.0.0.0"])
def test_it_answers_whoever_asks_with_the_kernels_time_of_coming(start: Callable[..., Liveness], host: str) -> None:
    liveness = start({"hoai-nhon": SiteAddress(7)}, host)
    asked = "::1" if host == "::1" else "127.0.0.1"
    with socket.socket(socket.AF_INET6 if asked == "::1" else socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.settimeout(PATIENCE_S)
        began_ns = time.time_ns()
        made.sendto(packet(7, 42), (asked, liveness.port))
        octets, sender = made.recvfrom(2048)
    reply = stamp.unpack_reflector(octets)
    assert sender[:2] == (asked, liveness.port)
    assert (reply.sender_seq, reply.ssid, reply.sender_ttl) == (42, 7, 64)
    assert began_ns - 10 <= stamp.ns_from_ntp(reply.received) <= stamp.ns_from_ntp(reply.sent) <= time.time_ns()
    heard_at = liveness.heard()["hoai-nhon"]
    assert abs((datetime.now(UTC) - heard_at).total_seconds()) < PATIENCE_S


def test_who_is_unknown_is_answered_and_heard_as_nobody(start: Callable[..., Liveness]) -> None:
    liveness = start({"hoai-nhon": SiteAddress(7)})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.settimeout(PATIENCE_S)
        for octets in (b"", b"x" * 13, packet(8), packet(0), packet(7)[:14]):
            made.sendto(octets, ("127.0.0.1", liveness.port))
        replies = [stamp.unpack_reflector(made.recv(2048)) for _ in range(3)]
    assert [reply.ssid for reply in replies] == [8, 0, 0]
    assert liveness.heard() == {}
    assert liveness.counters.malformed == 2
    assert liveness.counters.strangers == 3


@pytest.mark.req("R36")
def test_a_site_that_falls_silent_is_suspected_confirmed_and_welcomed_back(start: Callable[..., Liveness], desk: Desk) -> None:
    liveness = start({"a": SiteAddress(1), "b": SiteAddress(2)})
    sites = [Site(liveness.port, 1), Site(liveness.port, 2)]
    try:
        liveness.expect({"a"})
        while set(liveness.heard()) != {"a", "b"}:
            time.sleep(0.01)
        for site in sites:
            site.sending.clear()
        confirmed = desk.wait("a", "confirmed")
        sites[0].sending.set()
        returned = desk.wait("a", "returned")
    finally:
        for site in sites:
            site.close()
    assert [signal.kind for signal in desk.told if signal.site == "a"][-3:] == ["suspected", "confirmed", "returned"]
    assert [signal for signal in desk.told if signal.site == "b"] == [], "it is in no meeting"
    assert confirmed.witness is Witness.NOT_ASKED
    assert (confirmed.at - confirmed.silent_since).total_seconds() >= 1.1
    assert returned.returned_at is not None
    assert returned.silent_since == pytest.approx(confirmed.silent_since, abs=confirmed.at - confirmed.silent_since)
    assert returned.silent_since < returned.returned_at <= returned.at


@pytest.mark.root
@pytest.mark.req("R36")
def test_the_second_witness_tells_a_dead_agent_from_a_dead_line(start: Callable[..., Liveness], desk: Desk) -> None:
    liveness = start({"a": SiteAddress(1, "127.0.0.1"), "b": SiteAddress(2, "khong..co")})
    sites = [Site(liveness.port, 1), Site(liveness.port, 2)]
    try:
        liveness.expect({"a", "b"})
        while set(liveness.heard()) != {"a", "b"}:
            time.sleep(0.01)
    finally:
        for site in sites:
            site.close()
    assert desk.wait("a", "confirmed").witness is Witness.ANSWERED
    assert desk.wait("b", "confirmed").witness is Witness.NOT_ASKED


@pytest.mark.root
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_witness_is_asked_some_times_and_forgotten_when_the_site_is_back(host: str) -> None:
    witnesses = Witnesses({"a": host})
    try:
        assert witnesses.verdict("a") is Witness.NOT_ASKED
        witnesses.ask("a", 0.0)
        for _ in range(1000):
            for version in witnesses.filenos().values():
                witnesses.hear(version)
            if witnesses.verdict("a") is Witness.ANSWERED:
                break
            time.sleep(0.01)
        assert witnesses.verdict("a") is Witness.ANSWERED
        witnesses.forget("a")
        assert witnesses.verdict("a") is Witness.NOT_ASKED
    finally:
        witnesses.close()


@pytest.mark.root
def test_a_witness_that_cannot_be_reached_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    witnesses = Witnesses({"a": "127.0.0.1"})

    class Dead:
        def sendto(self, _octets: bytes, _to: object) -> None:
            raise OSError(101, os.strerror(101))

        def close(self) -> None:
            pass

    monkeypatch.setattr(witnesses, "_sockets", {4: Dead()})
    witnesses.ask("a", 0.0)
    assert witnesses.verdict("a") is Witness.SILENT


def test_an_address_that_is_taken_stops_the_start(start: Callable[..., Liveness], desk: Desk) -> None:
    taken = start({})
    with pytest.raises(OSError, match="in use"):
        Liveness("127.0.0.1", taken.port, {}, desk.take).start()


def test_a_listener_that_fails_does_not_end_the_watch(start: Callable[..., Liveness], desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_once(signal: SilenceSignal) -> None:
        monkeypatch.setattr(liveness, "_on_signal", desk.take)
        raise RuntimeError(signal.kind)

    liveness = start({"a": SiteAddress(1)})
    monkeypatch.setattr(liveness, "_on_signal", fail_once)
    site = Site(liveness.port, 1)
    try:
        liveness.expect({"a"})
        while "a" not in liveness.heard():
            time.sleep(0.01)
        site.sending.clear()
        desk.wait("a", "confirmed")
    finally:
        site.close()
