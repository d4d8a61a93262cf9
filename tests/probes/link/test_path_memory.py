from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.meetings import Phase
from contract.readings import Failure
from probes.link.path_memory import FILE, Memory, due, read, remember, write
from probes.link.path_protocol import Hop, PathAnswer

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
END = "10.9.0.1"
HOPS = st.lists(st.one_of(st.none(), st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"])), min_size=1, max_size=6)


def path(*addresses: str | None, dscp: int = 0, marks: tuple[int | None, ...] = ()) -> PathAnswer:
    seen = marks or (None,) * len(addresses)
    hops = tuple(Hop(ttl=ttl, address=address, dscp=mark) for ttl, (address, mark) in enumerate(zip(addresses, seen, strict=True), 1))
    return PathAnswer(hops=hops, reached=addresses[-1] == END, dscp=dscp)


def after(*answers: PathAnswer, every: timedelta = timedelta(hours=1)) -> Memory:
    memory: Memory | None = None
    for count, answer in enumerate(answers):
        memory = remember(memory, END, Phase.IDLE, answer, AT + count * every)
    assert memory is not None
    return memory


def test_the_first_look_only_remembers() -> None:
    memory = after(path("10.0.0.1", "10.0.0.2", END))
    assert memory.change is None
    assert memory.usual == (frozenset({"10.0.0.1"}), frozenset({"10.0.0.2"}), frozenset({END}))


def test_another_router_is_a_change_once_two_looks_saw_it_and_dates_from_the_first() -> None:
    old, new = path("10.0.0.1", "10.0.0.2", END), path("10.0.0.1", "10.0.0.3", END)
    once = after(old, new)
    assert once.change is not None
    assert not once.change.sure
    twice = after(old, new, new)
    assert twice.change is not None
    assert twice.change.sure
    assert (twice.change.ttl, twice.change.before, twice.change.now) == (2, "10.0.0.2", "10.0.0.3")
    assert twice.change.since == AT + timedelta(hours=1)
    assert after(old, new, new, old).change is None


@pytest.mark.parametrize("silent", [("10.0.0.1", None, END), (None, None, END), ("10.0.0.1", "10.0.0.2"), (None,)])
def test_a_hop_that_is_silent_is_no_change_and_is_not_forgotten(silent: tuple[str | None, ...]) -> None:
    memory = after(path("10.0.0.1", "10.0.0.2", END), path(*silent), path(*silent))
    assert memory.change is None
    assert memory.usual[1] == {"10.0.0.2"}


def test_a_hop_that_was_silent_and_speaks_is_no_change() -> None:
    assert after(path("10.0.0.1", None, END), path("10.0.0.1", "10.0.0.2", END), path("10.0.0.1", "10.0.0.2", END)).change is None


@given(HOPS, st.lists(st.booleans(), min_size=6, max_size=6))
def test_no_pattern_of_silence_on_the_same_path_is_ever_a_change(addresses: list[str | None], silent: list[bool]) -> None:
    thinned = [None if quiet else address for address, quiet in zip(addresses, silent, strict=False)]
    for answers in ((addresses, thinned, thinned), (thinned, addresses, addresses)):
        assert after(*(path(*one) for one in answers)).change is None


def test_a_path_balanced_packet_by_packet_is_no_change() -> None:
    both = PathAnswer(hops=(Hop(ttl=1, address="10.0.0.1", also=("10.0.0.2",)),))
    assert after(path("10.0.0.1"), both, path("10.0.0.2"), path("10.0.0.2")).change is None


def test_a_new_path_is_the_usual_one_after_a_day_of_being_told() -> None:
    old, new = path("10.0.0.1", END), path("10.0.0.2", END)
    day = [new] * 26
    memory = after(old, *day)
    assert memory.change is None
    assert memory.usual[0] == {"10.0.0.2"}


def test_a_look_that_failed_keeps_the_path_and_what_is_sure_but_no_suspicion() -> None:
    old, new, failed = path("10.0.0.1", END), path("10.0.0.2", END), PathAnswer(failure=Failure.PERMISSION)
    assert after(old, failed).usual[0] == {"10.0.0.1"}
    assert after(old, new, failed).change is None
    sure = after(old, new, new, failed).change
    assert sure is not None
    assert sure.sure


def test_a_mark_is_lost_at_the_first_of_the_last_hops_that_saw_another() -> None:
    found = after(path("10.0.0.1", "10.0.0.2", END, dscp=34, marks=(34, 0, 0))).remarked
    assert found is not None
    assert (found.ttl, found.address, found.sent, found.seen) == (2, "10.0.0.2", 34, 0)


@pytest.mark.parametrize(("dscp", "marks"), [(34, (34, 34, 34)), (34, (34, 0, 34)), (34, (34, None, None)), (0, (0, 10, 10))])
def test_a_mark_that_comes_through_one_bad_quote_and_unmarked_packets_are_no_finding(dscp: int, marks: tuple[int | None, ...]) -> None:
    assert after(path("10.0.0.1", "10.0.0.2", END, dscp=dscp, marks=marks)).remarked is None


def test_it_is_asked_once_an_hour_and_at_the_begin_of_rehearsal_and_precheck_but_never_live() -> None:
    memory = after(path(END))
    soon, late = AT + timedelta(minutes=59), AT + timedelta(minutes=61)
    assert due(None, END, Phase.IDLE, AT, 3600)
    assert not due(memory, END, Phase.IDLE, soon, 3600)
    assert due(memory, END, Phase.IDLE, late, 3600)
    assert due(memory, END, Phase.PRECHECK, soon, 3600)
    assert due(memory, END, Phase.REHEARSAL, soon, 3600)
    assert not due(remember(memory, END, Phase.PRECHECK, path(END), AT), END, Phase.PRECHECK, soon, 3600)
    assert not any(due(memory, END, phase, late, 3600) for phase in (Phase.LIVE, Phase.WRAP_UP))
    assert due(memory, "10.9.0.2", Phase.IDLE, soon, 3600), "another address is another path"
    assert due(memory, END, Phase.IDLE, AT - timedelta(days=1), 3600), "a clock that was set back does not silence it"


def test_a_suspicion_is_cleared_up_by_the_very_next_look() -> None:
    old, new = path("10.0.0.1", END), path("10.0.0.2", END)
    just = AT + timedelta(hours=1, seconds=15)
    assert due(after(old, new), END, Phase.IDLE, just, 3600)
    assert not due(after(old, new, new), END, Phase.IDLE, AT + timedelta(hours=2, seconds=15), 3600)


def test_what_is_written_is_read_again_and_a_broken_file_is_learnt_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    memories = {"center": after(path("10.0.0.1", None, END, dscp=34, marks=(34, None, 0)), path("10.0.0.2", None, END, dscp=34))}
    assert read(str(tmp_path)) == {}
    assert write(str(tmp_path), memories)
    assert read(str(tmp_path)) == memories
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    (tmp_path / FILE).write_text("{")
    assert read(str(tmp_path)) == {}
    assert "learnt anew" in caplog.text
    assert not write(str(tmp_path / "nowhere"), memories)


def carrying(octets: int | None, told_by: str = "") -> PathAnswer:
    return msgspec.structs.replace(path("10.0.0.1", END), mtu=octets, mtu_told_by=told_by)


def test_a_path_that_carries_less_than_it_did_is_told_once_two_looks_saw_it() -> None:
    assert after(carrying(1400), carrying(1400)).narrowed is None, "a tunnel that always was there is the usual path"
    once = after(carrying(1500), carrying(1400, "10.0.0.1"))
    assert once.suspects
    assert due(once, END, Phase.IDLE, AT + timedelta(hours=1, seconds=15), 3600), "the next look clears it up"
    sure = after(carrying(1500), carrying(1400, "10.0.0.1"), carrying(1400, "10.0.0.1")).narrowed
    assert sure is not None
    assert sure.sure
    assert (sure.octets, sure.expected, sure.told_by, sure.since) == (1400, 1500, "10.0.0.1", AT + timedelta(hours=1))
    assert after(carrying(1500), carrying(1400), carrying(1400), carrying(1500)).narrowed is None


def test_a_look_that_could_not_tell_the_size_keeps_what_is_sure_and_drops_what_is_not() -> None:
    assert after(carrying(1500), carrying(1400), carrying(None)).narrowed is None
    assert after(carrying(1500), carrying(1400), carrying(1400), carrying(None)).narrowed is not None
    assert after(carrying(1500), carrying(None), carrying(None)).narrowed is None


def test_a_smaller_size_is_the_usual_one_after_a_day_of_being_told_unless_video_needs_more() -> None:
    assert after(carrying(1500), *[carrying(1400)] * 26).narrowed is None
    memory: Memory | None = None
    for count in range(30):
        memory = remember(memory, END, Phase.IDLE, carrying(1200), AT + count * timedelta(hours=1), least_mtu=1300)
    assert memory is not None
    assert memory.narrowed is not None
    assert (memory.narrowed.octets, memory.narrowed.expected) == (1200, 1300)
