"""The reminder that the system is on while nobody meets: once, after hours, and never because of a gap or a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.catalog import sentence
from contract.findings import Finding
from contract.meetings import Phase
from probes.codec.idle import FILE, on_when_idle
from probes.codec.limits import CodecLimits
from probes.interface import Look

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.req("R18")


def looks(directory: Path | str, minutes: range, *, phase: Phase = Phase.IDLE, alive: bool = True, hours: float = 3) -> tuple[Finding, ...]:
    """A look each ten minutes; what the last one says."""
    found: tuple[Finding, ...] = ()
    for minute in minutes[::10]:
        look = Look(phase=phase, state_directory=str(directory))
        found = on_when_idle(look, CodecLimits(idle_on_h=hours), "10.1.1.9", AT + minute * MINUTE, alive=alive)
    return found


def test_after_some_hours_it_is_told_with_since_when(tmp_path: Path) -> None:
    assert looks(tmp_path, range(180)) == ()
    (found,) = looks(tmp_path, range(180, 191))
    assert (found.code, found.since) == ("codec.on_when_idle", AT)
    assert sentence(found, "vi").startswith("Bộ kết nối 10.1.1.9 đã bật 3,2")


@pytest.mark.parametrize(("phase", "alive"), [(Phase.LIVE, True), (Phase.REHEARSAL, True), (Phase.IDLE, False)])
def test_a_meeting_or_a_system_that_is_off_ends_the_count(tmp_path: Path, phase: Phase, *, alive: bool) -> None:
    looks(tmp_path, range(170))
    assert looks(tmp_path, range(170, 180), phase=phase, alive=alive) == ()
    assert looks(tmp_path, range(180, 350)) == ()
    assert len(looks(tmp_path, range(350, 371))) == 1


def test_a_gap_without_looks_or_a_clock_that_was_set_back_counts_for_nothing(tmp_path: Path) -> None:
    looks(tmp_path, range(10))
    assert looks(tmp_path, range(600, 610)) == ()
    assert looks(tmp_path, range(-500, -490)) == ()


def test_a_room_that_stays_on_is_not_reminded_and_nothing_is_kept_without_a_place(tmp_path: Path) -> None:
    assert looks(tmp_path, range(600), hours=0) == ()
    assert looks("", range(600)) == ()
    assert not (tmp_path / FILE).exists()
