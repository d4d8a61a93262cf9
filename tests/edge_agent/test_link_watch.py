from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from contract.meetings import Phase
from contract.readings import Failure
from control_center.liveness import Liveness, SiteAddress
from edge_agent import link_end
from edge_agent.link_watch import Confirmed, Light, LinkWatch, Returned, Suspected, WatchEvent
from probes.link.limits import Kind, LinkLimits, LinkSettings, Target
from probes.link.source import Wire

PATIENCE_S = 30.0
LOOPBACK = "127.0.0.1"


class Relay(threading.Thread):
    """A leg of the network that can be cut; writes down, by the wall clock, what passed last and first."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.through = threading.Event()
        self.through.set()
        self.cut_at = self.restored_at = datetime.now(UTC)
        self._far = (LOOPBACK, port)
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind((LOOPBACK, 0))
        self.port: int = self._front.getsockname()[1]
        self._back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._back.bind((LOOPBACK, 0))
        self._client: tuple[str, int] = (LOOPBACK, 0)
        self._ended = False
        self._answers = threading.Thread(target=self._return, daemon=True)
        self._answers.start()
        self.start()

    def run(self) -> None:
        while not self._ended:
            octets, client = self._front.recvfrom(2048)
            if self.through.is_set():
                self._client = client
                self._back.sendto(octets, self._far)

    def _return(self) -> None:
        while not self._ended:
            octets, _ = self._back.recvfrom(2048)
            if self.through.is_set():
                self._front.sendto(octets, self._client)

    def cut(self) -> None:
        self.through.clear()
        self.cut_at = datetime.now(UTC)

    def restore(self) -> None:
        self.restored_at = datetime.now(UTC)
        self.through.set()

    def close(self) -> None:
        self._ended = True
        self.through.clear()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            for one in (self._front, self._back):
                waker.sendto(b"", one.getsockname())
        self.join(5)
        self._answers.join(5)
        self._front.close()
        self._back.close()


class Ear:
    """Who hears the events."""

    def __init__(self) -> None:
        self.told: list[WatchEvent] = []
        self._changed = threading.Condition()

    def take(self, event: WatchEvent) -> None:
        with self._changed:
            self.told.append(event)
            self._changed.notify_all()

    def wait(self, kind: type[WatchEvent]) -> WatchEvent:
        with self._changed:
            assert self._changed.wait_for(lambda: any(isinstance(event, kind) for event in self.told), PATIENCE_S), (
                f"no {kind}: {self.told}"
            )
            return [event for event in self.told if isinstance(event, kind)][-1]


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def reflector() -> Iterator[Liveness]:
    made = Liveness(LOOPBACK, 0, {"a": SiteAddress(7), "mcu": SiteAddress(8)}, lambda _: None)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def relay(reflector: Liveness) -> Iterator[Relay]:
    made = Relay(reflector.port)
    yield made
    made.close()


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as made:
        yield made


@pytest.fixture
def watch(ear: Ear) -> Iterator[Callable[..., LinkWatch]]:
    made: list[LinkWatch] = []

    def begin(*targets: Target | str, limits: LinkLimits | None = None, phase: Phase = Phase.LIVE) -> LinkWatch:
        made.append(LinkWatch(LinkSettings(ssid=7, targets=targets), limits or LinkLimits(), ear.take))
        made[-1].set_phase(phase, "m1")
        made[-1].start()
        return made[-1]

    yield begin
    for one in made:
        one.stop()


def stamp_to(port: int, name: str = "center") -> Target:
    return Target(name=name, kind=Kind.STAMP, host=LOOPBACK, port=port)


def until(true: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < ends_s, "waited in vain"
        time.sleep(0.01)


def lights(made: LinkWatch) -> dict[str, Light]:
    return {end.name: end.light for end in made.light()}


@pytest.mark.req("R36", "R31")
def test_a_cut_leg_is_suspected_confirmed_and_told_with_its_true_times(
    watch: Callable[..., LinkWatch], ear: Ear, relay: Relay, reflector: Liveness, stack: contextlib.ExitStack
) -> None:
    other = stack.enter_context(contextlib.closing(Relay(reflector.port)))
    made = watch(stamp_to(relay.port), stamp_to(other.port, "mcu"), stamp_to(reflector.port, "gateway"))
    until(lambda: set(lights(made).values()) == {Light.UP})
    other.cut()
    relay.cut()
    confirmed = ear.wait(Confirmed)
    assert isinstance(confirmed, Confirmed)
    assert [found.code for found in made.standing()] == ["link.down"]
    relay.restore()
    other.restore()
    returned = ear.wait(Returned)
    assert isinstance(ear.told[0], Suspected)
    assert (confirmed.targets, confirmed.answered, confirmed.place) == (("center", "mcu"), ("gateway",), "tslcd")
    assert isinstance(returned, Returned)
    gap = returned.interruption
    assert gap is not None
    assert gap.confirmed
    assert gap.meeting == "m1"
    # Truth is what the relay wrote down; a machine under load may send its next packet late.
    assert abs((gap.began_at - relay.cut_at).total_seconds()) <= 0.25 + gap.blind_s
    # A packet that waited in the relay's thread when it was restored was sent a little before.
    assert -0.05 <= (gap.ended_at - relay.restored_at).total_seconds() <= 1.0
    assert gap.duration_s == pytest.approx((gap.ended_at - gap.began_at).total_seconds(), abs=1e-3)
    assert made.standing() == ()


def test_figures_are_taken_once_and_by_end(watch: Callable[..., LinkWatch], relay: Relay, reflector: Liveness) -> None:
    made = watch(stamp_to(relay.port), stamp_to(reflector.port, "mcu"))
    until(lambda: all((end.loss_percent is not None) and end.rtt_ms is not None for end in made.light()))
    lines = {(line.metric, line.target): line for line in made.rollups()}
    assert {target for _, target in lines} == {"center", "mcu"}
    rtt = lines["link.rtt_ms", "center"]
    assert rtt.count > 0
    assert rtt.missing == 0
    assert rtt.unit == "ms"
    assert 0 < (rtt.minimum or 0) <= (rtt.p50 or 0) <= (rtt.maximum or 0)
    assert lines["link.loss_percent", "center"].p50 == 0
    assert all(line.count < 5 for line in made.rollups()), "taken is taken"


def test_the_center_is_told_the_pace_and_the_goodbye(
    watch: Callable[..., LinkWatch], reflector: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int | None]] = []
    plain = reflector._rule.heard

    def heard(name: str, at_s: float, next_within_ms: int | None = None) -> None:
        told.append((name, next_within_ms))
        plain(name, at_s, next_within_ms)

    monkeypatch.setattr(reflector._rule, "heard", heard)
    made = watch(stamp_to(reflector.port))
    until(lambda: ("a", 50) in told)
    made.set_phase(Phase.WRAP_UP)
    until(lambda: ("a", 200) in told)
    made.stop()
    until(lambda: ("a", 0) in told)
    assert [promise for _, promise in told][-1] == 0


def test_a_service_that_is_away_is_no_dead_line(watch: Callable[..., LinkWatch], ear: Ear, reflector: Liveness) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((LOOPBACK, 0))
        port = taken.getsockname()[1]
    made = watch(stamp_to(port), stamp_to(reflector.port, "mcu"))
    until(lambda: {end.name: end.failure for end in made.light()}["center"] is Failure.REFUSED)
    until(lambda: made._ends["mcu"]._seq > 15)  # three seconds of the slower pace
    assert ear.told == []


def test_a_name_nobody_knows_is_unreachable_and_harms_nobody_else(watch: Callable[..., LinkWatch], ear: Ear, reflector: Liveness) -> None:
    made = watch(Target(name="mcu", host="khong..co"), stamp_to(reflector.port))
    confirmed = ear.wait(Confirmed)
    assert isinstance(confirmed, Confirmed)
    assert confirmed.targets == ("mcu",)
    assert lights(made) == {"mcu": Light.DOWN, "center": Light.UP}
    assert {end.name: end.failure for end in made.light()}["mcu"] is Failure.UNREACHABLE


def test_without_permission_to_ask_silence_says_nothing(
    watch: Callable[..., LinkWatch], ear: Ear, reflector: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(target: Target, address: str, *, ssid: int = 0, dscp: int = 0, key: bytes = b"") -> Wire:
        if target.kind is Kind.ICMP:
            raise PermissionError(1, os.strerror(1))
        return Wire(target, address, ssid=ssid, dscp=dscp, key=key)

    monkeypatch.setattr(link_end, "Wire", refuse)
    made = watch("gateway=127.0.0.1", stamp_to(reflector.port))
    until(lambda: lights(made)["center"] is Light.UP)
    until(lambda: _seen(made) > 40)
    assert ear.told == []
    assert made.light()[0].failure is Failure.PERMISSION


def _seen(made: LinkWatch) -> int:
    return made._ends["center"]._seq


def test_a_stall_of_the_process_is_no_silence(watch: Callable[..., LinkWatch], ear: Ear, reflector: Liveness) -> None:
    """The thread that would hold everybody else up is stood still, as SIGSTOP would do."""
    made = watch(stamp_to(reflector.port))
    until(lambda: lights(made)["center"] is Light.UP)
    plain, held = made._rule.look, threading.Event()

    def stop_once(now_s: float) -> list[WatchEvent]:
        if not held.is_set():
            held.set()
            time.sleep(2.0)
        return plain(now_s)

    made._rule.look = stop_once  # type: ignore[method-assign]
    held.wait(PATIENCE_S)
    before = _seen(made)
    until(lambda: _seen(made) > before + 40)
    assert ear.told == []


def test_a_listener_that_fails_does_not_end_the_watch(
    watch: Callable[..., LinkWatch], ear: Ear, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = watch(stamp_to(relay.port))

    def fail(_event: WatchEvent) -> None:
        monkeypatch.setattr(made, "_on_event", ear.take)
        raise RuntimeError("listener")

    monkeypatch.setattr(made, "_on_event", fail)
    until(lambda: lights(made)["center"] is Light.UP)
    relay.cut()
    assert isinstance(ear.wait(Confirmed), Confirmed)


def test_it_stops_without_having_begun_and_twice(ear: Ear) -> None:
    made = LinkWatch(LinkSettings(), LinkLimits(), ear.take)
    made.start()
    made.stop()
    made.stop()
    assert made.light() == ()
    assert made.rollups() == []


def test_other_limits_hold_from_the_next_beat(watch: Callable[..., LinkWatch], ear: Ear, relay: Relay) -> None:
    made = watch(stamp_to(relay.port), phase=Phase.IDLE)
    until(lambda: lights(made)["center"] is Light.UP)
    before = _seen(made)
    made.set_limits(LinkLimits(idle_interval_s=0.2))
    until(lambda: _seen(made) > before + 5)


def test_it_brings_nothing_heavy_into_the_daemon() -> None:
    heavy = ("numpy", "cv2", "scapy", "sounddevice")
    code = f"import sys, edge_agent.link_watch; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
