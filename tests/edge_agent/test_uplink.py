"""What goes out when: the window, the order, and when a row is sent again (against real brokers: tests/integration/mqtt)."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.messages import Ack, Figures, Lifecycle
from contract.topics import Kind, parse
from edge_agent import journal_sender
from edge_agent.journal_sender import WINDOW, WINDOW_BYTES, JournalSender
from edge_agent.mqtt import Connection, Credentials, Endpoint
from edge_agent.outbox import Outbox
from edge_agent.uplink import Uplink

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


class Clock:
    """Stands still unless told."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Wire:
    """Takes the place of the connection: remembers what was published."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, Kind, bytes]] = []

    def publish(self, topic: str, payload: bytes) -> int:
        parsed = parse(topic)
        assert parsed is not None
        self.sent.append((len(self.sent) + 1, parsed.kind, payload))
        return len(self.sent)

    def take(self) -> list[tuple[int, Kind, bytes]]:
        taken, self.sent = self.sent[:], self.sent
        return taken


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(journal_sender, "time", clock)
    return clock


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.sqlite", site="an-nhon")
    yield box
    box.close()


def put(outbox: Outbox, *, events: int = 0, figures: int = 0, padding: int = 0) -> None:
    figure = Figures(begins_at=AT, ends_at=AT, rollups=())
    outbox.append_many([(Kind.FIGURES, figure, AT) for _ in range(figures)])
    outbox.append_many([(Kind.EVENT, Lifecycle(what=f"{number}" + "x" * padding, at=AT), AT) for number in range(events)])
    assert outbox.flush(30.0)


def send(sender: JournalSender, wire: Wire) -> int:
    """Let it look; how many it sent."""
    before = len(wire.sent)
    sender.hurry()
    sender.send(cast("Connection", wire))
    return len(wire.sent) - before


def test_events_go_before_figures_that_have_waited_longer(outbox: Outbox, clock: Clock) -> None:
    put(outbox, figures=20, events=3)
    wire = Wire()
    send(JournalSender(outbox, 10.0), wire)
    assert [kind for _, kind, _ in wire.sent] == [Kind.EVENT] * 3 + [Kind.FIGURES] * 20


def test_the_window_slides_only_by_the_centers_acknowledgement(outbox: Outbox, clock: Clock) -> None:
    put(outbox, events=WINDOW[Kind.EVENT] + 30)
    wire, sender = Wire(), JournalSender(outbox, 10.0)
    assert send(sender, wire) == WINDOW[Kind.EVENT]
    for number, _, _ in wire.take():
        sender.published(number, refused=False)
    assert send(sender, wire) == 0, "a PUBACK is no acknowledgement"
    outbox.settle(Ack(boot=outbox.boot, stored=((1, 10),)))
    assert send(sender, wire) == 10


def test_what_is_still_on_its_way_is_not_sent_twice_however_slow_the_link(outbox: Outbox, clock: Clock) -> None:
    put(outbox, events=1)
    wire, sender = Wire(), JournalSender(outbox, 10.0)
    assert send(sender, wire) == 1
    clock.now += 3600
    assert send(sender, wire) == 0


def test_what_the_broker_took_and_nobody_acknowledged_is_sent_again_after_a_while(outbox: Outbox, clock: Clock) -> None:
    put(outbox, events=1)
    wire, sender = Wire(), JournalSender(outbox, 10.0)
    send(sender, wire)
    sender.published(1, refused=False)
    clock.now += 9.9
    assert send(sender, wire) == 0
    clock.now += 0.2
    assert send(sender, wire) == 1
    assert wire.sent[0][2] == wire.sent[1][2], "the same to the byte"


def test_what_the_broker_refused_is_tried_less_often(outbox: Outbox, clock: Clock) -> None:
    put(outbox, events=1)
    wire, sender = Wire(), JournalSender(outbox, 10.0)
    send(sender, wire)
    sender.published(1, refused=True)
    clock.now += 20
    assert send(sender, wire) == 0
    clock.now += 11
    assert send(sender, wire) == 1


def test_a_new_connection_sends_all_again_and_an_old_number_means_nothing(outbox: Outbox, clock: Clock) -> None:
    put(outbox, events=5)
    wire, sender = Wire(), JournalSender(outbox, 10.0)
    assert send(sender, wire) == 5
    sender.forget()
    sender.published(3, refused=False)
    assert send(sender, wire) == 5


def test_a_new_center_gets_what_the_broker_took_but_not_what_tcp_still_carries(outbox: Outbox, clock: Clock) -> None:
    put(outbox, events=4)
    wire, sender = Wire(), JournalSender(outbox, 10.0)
    send(sender, wire)
    for number in (1, 2):
        sender.published(number, refused=False)
    sender.send_again()
    assert send(sender, wire) == 2


def test_bytes_on_their_way_are_bounded_and_a_row_larger_than_the_bound_still_goes(outbox: Outbox, clock: Clock) -> None:
    put(outbox, events=10, padding=WINDOW_BYTES // 3)
    wire, sender = Wire(), JournalSender(outbox, 10.0)
    assert send(sender, wire) == 2
    sender.published(1, refused=False)
    assert send(sender, wire) == 1
    big = Outbox(outbox._path.with_name("big.sqlite"), site="an-nhon")
    put(big, events=2, padding=WINDOW_BYTES + 1)
    assert send(JournalSender(big, 10.0), wire) == 1
    big.close()


def test_it_looks_only_when_it_is_time_or_told(outbox: Outbox, clock: Clock) -> None:
    wire, sender = Wire(), JournalSender(outbox, 10.0)
    sender.send(cast("Connection", wire))
    put(outbox, events=1)
    sender.send(cast("Connection", wire))
    assert wire.sent == []
    assert 0 < sender.idle_s() <= 1
    sender.hurry()
    assert sender.idle_s() == 0
    sender.send(cast("Connection", wire))
    assert len(wire.sent) == 1


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(0, 150),
    steps=st.lists(
        st.one_of(st.just("look"), st.just("wait"), st.just("lost"), st.tuples(st.integers(1, 150), st.integers(0, 60))), max_size=20
    ),
)
def test_whatever_happens_every_unsettled_row_goes_out_in_the_end_and_no_settled_one(rows: int, steps: list[object]) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        patch.setattr(journal_sender, "time", clock)
        outbox = Outbox(Path(folder) / "outbox.sqlite", site="an-nhon")
        put(outbox, events=rows)
        wire, sender = Wire(), JournalSender(outbox, 10.0)
        for step in steps:
            if step == "look":
                send(sender, wire)
            elif step == "wait":
                clock.now += 11
            elif step == "lost":
                sender.forget()
            else:
                first, length = cast("tuple[int, int]", step)
                outbox.settle(Ack(boot=outbox.boot, stored=((first, first + length),)))
                left = [row.payload for row in outbox.pending(1000)]
                at = len(wire.sent)
                send(sender, wire)
                assert all(payload in left for _, _, payload in wire.sent[at:])
        sender.forget()
        seen: set[bytes] = set()
        while outbox.rows:
            at = len(wire.sent)
            assert send(sender, wire), "stuck"
            seen |= {payload for _, _, payload in wire.sent[at:]}
            oldest = outbox.pending(WINDOW[Kind.EVENT])
            assert {row.payload for row in oldest} <= seen
            outbox.settle(Ack(boot=outbox.boot, stored=tuple((row.seq, row.seq) for row in oldest)))
        outbox.close()


def test_an_uplink_needs_a_broker(outbox: Outbox) -> None:
    with pytest.raises(ValueError, match="needs a broker"):
        Uplink(outbox, [], Credentials())


def test_stopping_an_uplink_that_never_connected_ends_it(outbox: Outbox) -> None:
    uplink = Uplink(outbox, [Endpoint("127.0.0.1", 1)], Credentials(), max_pause_s=0.1)
    uplink.start()
    put(outbox, events=1)
    uplink.stop(drain_s=0.1)
    assert uplink._thread is not None
    assert not uplink._thread.is_alive()
    assert outbox.rows == 1


def test_a_missing_certificate_is_told_and_does_not_end_the_uplink(outbox: Outbox, tmp_path: Path) -> None:
    uplink = Uplink(outbox, [Endpoint("127.0.0.1", 1)], Credentials(ca=tmp_path / "missing.pem"), max_pause_s=0.1)
    uplink.start()
    end = time.monotonic() + 30
    while "No such file" not in uplink.error:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert uplink._thread is not None
    assert uplink._thread.is_alive()
    uplink.stop(0.0)


def test_the_uplink_brings_no_heavy_library_into_the_daemon() -> None:
    import subprocess

    code = "import sys, edge_agent.uplink; print([m for m in ('numpy', 'cv2', 'sqlalchemy', 'scapy', 'sounddevice') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert said.stdout.strip() == "[]"
