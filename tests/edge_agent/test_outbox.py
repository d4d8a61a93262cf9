"""Outbox: what was appended is there after a crash, and leaves only by the center's word."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import messages, topics
from contract.messages import Ack, Figures, Lifecycle, Overflow, Rejected
from contract.topics import Kind
from edge_agent.outbox import MEMORY_ROWS, Outbox

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def event(number: int) -> Lifecycle:
    return Lifecycle(what=str(number), at=AT)


def figures() -> Figures:
    return Figures(begins_at=AT, ends_at=AT, rollups=())


def put_events(outbox: Outbox, count: int) -> None:
    outbox.append_many([(Kind.EVENT, event(number), AT) for number in range(count)])
    assert outbox.flush(30.0)


def put_figures(outbox: Outbox, count: int) -> None:
    outbox.append_many([(Kind.FIGURES, figures(), AT) for _ in range(count)])
    assert outbox.flush(30.0)


def until(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


def overflows(outbox: Outbox) -> list[dict[str, int]]:
    topic = topics.site_topic("an-nhon", Kind.EVENT)
    payloads = [messages.decode(topic, row.payload).payload for row in outbox.pending(1000, Kind.EVENT)]
    return [payload.dropped for payload in payloads if isinstance(payload, Overflow)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outbox.sqlite"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    box = Outbox(path, site="an-nhon", max_rows=100)
    yield box
    box.close()


def test_a_row_is_a_readable_message_under_the_name_that_append_told(outbox: Outbox) -> None:
    outbox.clock_offset_ms = lambda: -12.5
    place = outbox.append(Kind.EVENT, event(7), AT)
    assert outbox.flush(30.0)
    (row,) = outbox.pending(10)
    message = messages.decode(topics.site_topic("an-nhon", Kind.EVENT), row.payload)
    assert (message.boot, message.seq) == (row.boot, row.seq) == place == (outbox.boot, 1)
    assert message.payload == event(7)
    assert message.time == AT
    assert message.clock_offset_ms == -12.5


def test_numbers_of_events_and_figures_are_one_series_in_the_order_of_append(outbox: Outbox) -> None:
    kinds = [Kind.EVENT, Kind.FIGURES, Kind.FIGURES, Kind.EVENT]
    for kind in kinds:
        outbox.append(kind, event(0) if kind is Kind.EVENT else figures(), AT)
    assert outbox.flush(30.0)
    assert [(row.seq, row.kind) for row in outbox.pending(10)] == list(enumerate(kinds, start=1))
    assert [row.seq for row in outbox.pending(10, Kind.FIGURES)] == [2, 3]
    assert [row.seq for row in outbox.pending(1, Kind.EVENT)] == [1]


def test_a_new_start_has_a_new_boot_and_still_holds_the_old_rows_first(path: Path) -> None:
    first = Outbox(path, site="an-nhon", max_rows=100)
    put_events(first, 3)
    first.close()
    second = Outbox(path, site="an-nhon", max_rows=100)
    put_events(second, 2)
    assert second.boot != first.boot
    assert [(row.boot, row.seq) for row in second.pending(10)] == [
        *((first.boot, n) for n in (1, 2, 3)),
        (second.boot, 1),
        (second.boot, 2),
    ]
    assert second.settle(Ack(boot=second.boot, stored=((1, 3),))) == 2
    assert [row.boot for row in second.pending(10)] == [first.boot] * 3
    second.close()


def test_what_was_flushed_survives_kill_9(path: Path) -> None:
    script = (
        "import os, sys\nfrom datetime import UTC, datetime\nfrom pathlib import Path\n"
        "from contract.messages import Lifecycle\nfrom contract.topics import Kind\nfrom edge_agent.outbox import Outbox\n"
        "box = Outbox(Path(sys.argv[1]), site='an-nhon', max_rows=100)\nnow = datetime.now(UTC)\n"
        "for n in range(20): box.append(Kind.EVENT, Lifecycle(what=str(n), at=now), now)\n"
        "assert box.flush(30)\nos.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(path)], env=os.environ | {"PYTHONPATH": str(Path.cwd())}, check=False)
    assert ended.returncode == -9
    box = Outbox(path, site="an-nhon", max_rows=100)
    assert [row.seq for row in box.pending(100)] == list(range(1, 21))
    box.close()


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 60),
    ranges=st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70)), max_size=6),
    rejected=st.sets(st.integers(0, 70), max_size=5),
    foreign=st.booleans(),
)
def test_settling_deletes_exactly_what_the_ack_names(rows: int, ranges: list[tuple[int, int]], rejected: set[int], foreign: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        box = Outbox(Path(folder) / "outbox.sqlite", site="an-nhon", max_rows=1000)
        put_events(box, rows)
        ack = Ack(
            boot="feedbeef" if foreign else box.boot,
            stored=tuple(ranges),
            rejected=tuple(Rejected(seq=seq, reason="data") for seq in sorted(rejected)),
        )
        named = {seq for first, last in ranges for seq in range(first, last + 1)} | rejected
        settled = set() if foreign else named & set(range(1, rows + 1))
        assert box.settle(ack) == len(settled)
        assert [row.seq for row in box.pending(1000)] == [seq for seq in range(1, rows + 1) if seq not in settled]
        assert box.rows == rows - len(settled)
        box.close()


def test_an_ack_with_absurd_numbers_harms_nothing(outbox: Outbox) -> None:
    put_events(outbox, 3)
    assert outbox.settle(Ack(boot=outbox.boot, stored=((10**30, 10**31), (-(10**30), 0)))) == 0
    assert outbox.settle(Ack(boot=outbox.boot, stored=((-(10**30), 10**30),))) == 3


def test_when_full_the_oldest_figures_go_first_and_events_last(outbox: Outbox) -> None:
    put_figures(outbox, 60)
    put_events(outbox, 70)
    assert outbox.rows == 100
    assert outbox.dropped == {"fig": 30}
    assert [row.seq for row in outbox.pending(200, Kind.FIGURES)] == list(range(31, 61)), "the newest figures stay"
    put_events(outbox, 50)
    assert outbox.dropped == {"fig": 60, "evt": 20}
    assert [row.seq for row in outbox.pending(200)] == list(range(81, 181)), "all figures went before the first event"


def test_what_was_dropped_is_told_once_there_is_room_again(outbox: Outbox) -> None:
    put_figures(outbox, 40)
    put_events(outbox, 90)
    assert outbox.dropped == {"fig": 30}
    assert overflows(outbox) == [], "the account must not push out another row"
    outbox.settle(Ack(boot=outbox.boot, stored=((41, 80),)))
    until(lambda: bool(overflows(outbox)))
    assert overflows(outbox) == [{"fig": 30}]
    outbox.settle(Ack(boot=outbox.boot, stored=((81, 90),)))
    assert outbox.flush(30.0)
    assert overflows(outbox) == [{"fig": 30}], "told once"


def test_what_was_dropped_is_told_after_a_restart_too(path: Path) -> None:
    box = Outbox(path, site="an-nhon", max_rows=10)
    put_events(box, 25)
    box.close()
    box = Outbox(path, site="an-nhon", max_rows=100)
    until(lambda: bool(overflows(box)))
    assert overflows(box) == [{"evt": 15}]
    box.close()


def test_the_account_of_what_was_dropped_is_never_dropped_itself(path: Path) -> None:
    box = Outbox(path, site="an-nhon", max_rows=10)
    put_events(box, 15)
    box.settle(Ack(boot=box.boot, stored=((1, 15),)))
    until(lambda: bool(overflows(box)))
    put_events(box, 30)
    assert overflows(box) == [{"evt": 5}]
    assert box.rows == 10
    box.close()


@pytest.mark.parametrize("damage", ["no database", "torn pages", "empty"])
def test_a_damaged_file_is_moved_aside_and_an_empty_one_begun(path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    box = Outbox(path, site="an-nhon", max_rows=1000)
    put_events(box, 300)
    box.close()
    whole = path.read_bytes()
    path.write_bytes({"no database": b"\xff" * 9000, "torn pages": whole[:8192] + os.urandom(len(whole) - 8192), "empty": b""}[damage])
    box = Outbox(path, site="an-nhon", max_rows=1000)
    assert box.rows == 0
    put_events(box, 2)
    assert [row.seq for row in box.pending(10)] == [1, 2]
    assert not box.error
    if damage != "empty":
        assert "moved to outbox.sqlite.corrupt-" in caplog.text
        assert len(list(path.parent.glob("*.corrupt-*"))) == 1
    box.close()


def test_only_the_latest_few_damaged_files_are_kept(path: Path) -> None:
    for _ in range(6):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\xff" * 5000)
        Outbox(path, site="an-nhon", max_rows=10).close()
        time.sleep(0.002)
    assert len([name for name in path.parent.glob("*.corrupt-*") if not name.name.endswith(("-wal", "-shm"))]) == 3


def test_a_full_disk_is_told_and_rows_wait_in_memory_until_it_has_room(path: Path) -> None:
    box = Outbox(path, site="an-nhon", max_rows=100_000)
    put_events(box, 5)
    fill_the_disk(box)
    box.append_many([(Kind.EVENT, event(number), AT) for number in range(5, 205)])
    until(lambda: bool(box.error))
    assert "full" in box.error
    assert [row.seq for row in box.pending(1000)] == list(range(1, 206)), "what cannot be written can still be sent"
    assert box.settle(Ack(boot=box.boot, stored=((3, 10), (201, 300)))) >= 0
    assert [row.seq for row in box.pending(1000)] == [1, 2, *range(11, 201)]
    assert box.rows >= 190
    give_room(box)
    until(lambda: not box.error)
    assert box.flush(30.0)
    assert [row.seq for row in box.pending(1000)] == [1, 2, *range(11, 201)]
    box.close()
    box = Outbox(path, site="an-nhon", max_rows=100_000)
    assert [row.seq for row in box.pending(1000)] == [1, 2, *range(11, 201)], "and now it is on disk"
    box.close()


def test_with_a_full_disk_memory_is_bounded_and_figures_are_let_go_first(path: Path) -> None:
    box = Outbox(path, site="an-nhon", max_rows=100_000)
    fill_the_disk(box)
    box.append_many([(Kind.FIGURES, figures(), AT) for _ in range(1500)])
    box.append_many([(Kind.EVENT, event(number), AT) for number in range(1500)])
    until(lambda: bool(box.error))
    box.append(Kind.EVENT, event(1500), AT)
    assert box.rows == MEMORY_ROWS
    assert box.dropped == {"fig": 3001 - MEMORY_ROWS}
    assert len(box.pending(5000, Kind.EVENT)) == 1501
    give_room(box)
    until(lambda: not box.error and bool(overflows_of_many(box)))
    assert overflows_of_many(box) == [{"fig": 3001 - MEMORY_ROWS}]
    box.close()


def overflows_of_many(box: Outbox) -> list[dict[str, int]]:
    topic = topics.site_topic("an-nhon", Kind.EVENT)
    last = box.pending(5000, Kind.EVENT)[-1:]
    return [p.dropped for p in (messages.decode(topic, row.payload).payload for row in last) if isinstance(p, Overflow)]


def fill_the_disk(box: Outbox) -> None:
    """SQLite's own limit answers as a full disk does (SQLITE_FULL)."""
    assert box._file is not None
    box._file._db.execute("PRAGMA max_page_count=1")


def give_room(box: Outbox) -> None:
    assert box._file is not None
    box._file._db.execute("PRAGMA max_page_count=1000000")


def test_a_folder_that_cannot_be_made_is_an_error_and_not_the_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    box = Outbox(tmp_path / "file" / "outbox.sqlite", site="an-nhon", max_rows=10)
    box.append(Kind.EVENT, event(1), AT)
    assert "file" in box.error
    assert [row.seq for row in box.pending(10)] == [1]
    assert not box.flush(0.1)
    (tmp_path / "file").unlink()
    until(lambda: not box.error)
    assert box.flush(30.0)
    assert box.rows == 1
    box.close()


def test_a_file_that_breaks_while_in_use_is_replaced(path: Path) -> None:
    box = Outbox(path, site="an-nhon", max_rows=1000)
    put_events(box, 300)
    assert box._file is not None
    box._file._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.write(b"\xff" * path.stat().st_size)
    box._file._db.execute("PRAGMA shrink_memory")
    box.pending(1)
    box.append(Kind.EVENT, event(1), AT)
    until(lambda: not box.error)
    assert box.flush(30.0)
    assert list(path.parent.glob("*.corrupt-*"))
    assert [row.seq for row in box.pending(10)] == [301]
    box.close()


def test_many_threads_append_without_a_number_twice(outbox: Outbox) -> None:
    box = outbox
    places: list[tuple[str, int]] = []

    def work() -> None:
        for number in range(10):
            places.extend([box.append(Kind.FIGURES, figures(), AT), box.append(Kind.EVENT, event(number), AT)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert box.flush(30.0)
    assert sorted(seq for _, seq in places) == list(range(1, 81))
    assert sorted(row.seq for row in box.pending(100)) == list(range(1, 81))


def test_the_listener_hears_of_new_rows_and_its_exception_ends_nothing(outbox: Outbox) -> None:
    heard = threading.Event()

    def listen() -> None:
        heard.set()
        raise RuntimeError("a listener's fault")

    outbox.on_stored(listen)
    outbox.append(Kind.EVENT, event(1), AT)
    assert heard.wait(30.0)
    put_events(outbox, 1)
    assert outbox.rows == 2


@pytest.mark.parametrize(
    ("kind", "payload", "at", "words"),
    [
        (Kind.HEARTBEAT, event(1), AT, "has no journal"),
        (Kind.EVENT, event(1), AT.replace(tzinfo=None), "needs a zone"),
        (Kind.EVENT, Lifecycle(what="x" * messages.MAX_PAYLOAD_BYTES, at=AT), AT, "bytes; the center reads"),
    ],
)
def test_what_the_center_could_not_read_is_refused_at_once(
    outbox: Outbox, kind: Kind, payload: Lifecycle, at: datetime, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        outbox.append(kind, payload, at)
    assert outbox.append(Kind.EVENT, event(1), AT).seq == 1, "no number was used up"


def test_a_closed_outbox_says_so(path: Path) -> None:
    box = Outbox(path, site="an-nhon", max_rows=10)
    box.close()
    with pytest.raises(ValueError, match="closed"):
        box.append(Kind.EVENT, event(1), AT)


def test_the_file_is_readable_by_its_owner_only(outbox: Outbox, path: Path) -> None:
    put_events(outbox, 1)
    assert path.stat().st_mode & 0o077 == 0


def test_every_commit_reaches_the_disk(outbox: Outbox, path: Path) -> None:
    assert outbox._file is not None
    assert outbox._file._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_resent_row_is_the_same_to_the_byte(outbox: Outbox) -> None:
    put_events(outbox, 1)
    first, second = outbox.pending(1), outbox.pending(1)
    assert first == second
    assert msgspec.json.decode(first[0].payload)["id"] == f"an-nhon:{outbox.boot}:1"
