"""Why the agent started: planned stop, crash, reboot and power cut are told apart."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.lifecycle import Life

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@pytest.mark.req("R18", "R36")
@pytest.mark.parametrize(
    ("stopped", "boot", "cause"),
    [(True, "a", "planned"), (True, "b", "rebooted"), (False, "a", "crashed"), (False, "b", "power_lost")],
)
def test_the_cause_is_read_from_how_the_run_before_ended(tmp_path: Path, stopped: bool, boot: str, cause: str) -> None:
    before = Life(tmp_path, "a")
    before.begin(NOW)
    before.beat()
    os.utime(tmp_path / "alive.json", (1_700_000_000, 1_700_000_000))
    if stopped:
        before.end(NOW)
    started = Life(tmp_path, boot).begin(NOW)
    assert (started.what, started.cause) == ("started", cause)
    assert started.last_seen_at is not None
    if not stopped:
        assert started.last_seen_at.timestamp() == 1_700_000_000


def test_the_first_start_knows_nothing(tmp_path: Path) -> None:
    started = Life(tmp_path, "a").begin(NOW)
    assert (started.cause, started.last_seen_at) == ("unknown", None)


def test_a_marker_that_cannot_be_read_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "alive.json").write_bytes(b"\x00garbage")
    assert Life(tmp_path, "a").begin(NOW).cause == "unknown"


def test_the_kernel_tells_its_boot(tmp_path: Path) -> None:
    Life(tmp_path).begin(NOW)
    assert Life(tmp_path).begin(NOW).cause == "crashed"


@pytest.mark.parametrize(("words_at", "cause"), [(1_700_000_030, "kernel_panic"), (1_600_000_000, "power_lost"), (None, "power_lost")])
def test_a_kernel_that_left_its_last_words_has_panicked_and_lost_no_power(tmp_path: Path, words_at: int | None, cause: str) -> None:
    before = Life(tmp_path, "a")
    before.begin(NOW)
    os.utime(tmp_path / "alive.json", (1_700_000_000, 1_700_000_000))
    kept = tmp_path / "pstore" / "170000003"
    kept.mkdir(parents=True)
    if words_at is not None:
        (kept / "dmesg-efi-170000003.txt").write_text("Kernel panic - not syncing")
        os.utime(kept / "dmesg-efi-170000003.txt", (words_at, words_at))
    assert Life(tmp_path, "b", [tmp_path / "none", tmp_path / "pstore"]).begin(NOW).cause == cause
