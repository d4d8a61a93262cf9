"""Steps that hold a meeting, put faults into the site and look for each at the center."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.vm import center_view, faults, site_view
from tests.vm.center_view import Incident, told, wait_closed, wait_opened
from tests.vm.rig import Rig
from tests.vm.shell import wait_for


def meeting(rig: Rig) -> list[str]:
    """Register a meeting that goes live at once, and wait until the agent says so."""
    faults.healthy_picture(rig)
    begins = datetime.fromisoformat(center_view.center_now(rig)).astimezone(UTC) + timedelta(seconds=45)
    words = ["meeting", "add", "--title", "Họp thử máy ảo", "--organizer", "Văn phòng UBND tỉnh", "--main", center_view.SITE]
    words += ["--begins", begins.isoformat(), "--ends", (begins + timedelta(hours=3)).isoformat()]
    words += ["--emergency", "--no-rehearsal", "--precheck-lead", "20s"]
    rig.notes["meeting"] = center_view.command(rig, *words).split("\t")[0]

    def live() -> bool:
        return bool(site_view.status(rig)["phase"] == "live")

    wait_for("the agent is in the live phase", live, limit_s=180)
    return [f"meeting {rig.notes['meeting']}: the agent is live in it"]


def camera(rig: Rig) -> list[str]:
    """A covered lens, a cut signal, an unplugged device."""
    wait_for("the camera is well", lambda: site_view.component_is_well(rig, "camera"), limit_s=240, every_s=5)
    return [
        _seen(rig, ("camera.covered",), faults.cover_lens, faults.healthy_picture),
        _seen(rig, ("camera.no_signal",), faults.cut_picture_signal, faults.restore_picture_signal),
        _seen(rig, ("camera.absent",), faults.unplug_camera, faults.plug_camera),
    ]


def _seen(rig: Rig, codes: tuple[str, ...], inject: Callable[[Rig], None], mend: Callable[[Rig], None]) -> str:
    """Inject, wait for the incident at the center, mend, wait for its end."""
    since = center_view.center_now(rig)
    inject(rig)
    try:
        opened: Incident = wait_opened(rig, codes, since)
    finally:
        mend(rig)
    closed = wait_closed(rig, opened)
    return f"{told(closed)} at {closed['ended_at']}"


def sound(rig: Rig) -> list[str]:
    """A howl in the loopback card."""
    since = center_view.center_now(rig)
    faults.play_howl(rig)
    opened = wait_opened(rig, ("microphone.howling",), since)
    heard_hz = opened.get("frequency_hz")
    assert heard_hz, f"no frequency: {opened}"
    assert abs(heard_hz - faults.HOWL_HZ) < 20, f"{heard_hz} Hz instead of {faults.HOWL_HZ}"
    closed = wait_closed(rig, opened)
    return [told(closed)]


def poor_link(rig: Rig) -> list[str]:
    """Delay and loss."""
    codes = ("link.high_latency", "link.loss", "link.high_jitter")
    return [_seen(rig, codes, faults.degrade_link, faults.restore_link)]


def pulled_cable(rig: Rig) -> list[str]:
    """The cable out of the card: told by the center, whose end it is; afterwards told by the site, too."""
    since = center_view.center_now(rig)
    rig.site.pull_cable()
    try:
        opened = wait_opened(rig, ("link.down", "link.center_unreachable"), since, limit_s=120)
    finally:
        rig.site.plug_cable()
    closed = wait_closed(rig, opened)
    assert closed.get("seen_by_center"), f"only the site saw it: {closed}"
    center_view.wait_healthy(rig)

    def both() -> Incident | None:
        found = next(one for one in center_view.incidents(rig) if one["id"] == opened["id"])
        return found if found.get("seen_by_site") else None

    merged = wait_for("the site's own account of it", both, limit_s=180)
    assert merged is not None
    return [f"{told(merged)} at {merged['ended_at']}, seen from both ends"]


_ROWS = "/var/lib/diemcau/outbox.sqlite"


def _ask_journal(rig: Rig, sql: str) -> str:
    # After a hard reset whoever opens it first recovers it, and the others wait.
    return rig.site.ssh.out(f"sqlite3 -readonly -cmd '.timeout 30000' {_ROWS} {shlex.quote(sql)}")


def _waiting_rows(rig: Rig) -> set[tuple[str, str, str]]:
    """What stands in the site's journal on disk: boot, number, kind."""
    said = _ask_journal(rig, "SELECT boot, seq, kind FROM rows")
    return {(boot, seq, kind) for boot, seq, kind in (line.split("|") for line in said.splitlines())}


def hard_reset(rig: Rig) -> list[str]:
    """Reset in the middle, with the cable pulled and a journal full of what nobody has heard yet."""
    before = rig.site.ssh.out("cat /proc/sys/kernel/random/boot_id")
    rig.site.pull_cable()
    try:
        faults.cover_lens(rig)
        wait_for("the covered lens in the journal on disk", lambda: _journaled(rig, "camera.covered"), limit_s=240, every_s=4)
        faults.healthy_picture(rig)
        faults.unplug_camera(rig)
        wait_for("the unplugged camera in the journal on disk", lambda: _journaled(rig, "camera.absent"), limit_s=240, every_s=4)
        waiting = _waiting_rows(rig)
        rig.site.reset()
        rig.site.wait_until_up(other_boot_than=before)
        still = _waiting_rows(rig)
    finally:
        rig.site.plug_cable()
    assert waiting <= still, f"rows that were on disk before the reset are gone: {sorted(waiting - still)}"
    center_view.wait_healthy(rig)

    def arrived() -> bool:
        return not (_waiting_rows(rig) & waiting)

    wait_for("the site's journal is settled", arrived, limit_s=240, every_s=4)
    return _account(rig, waiting)


def _journaled(rig: Rig, code: str) -> bool:
    sql = f"SELECT count(*) FROM rows WHERE kind = 'evt' AND instr(CAST(payload AS TEXT), '{code}')"
    return _ask_journal(rig, sql) != "0"


def _account(rig: Rig, waiting: set[tuple[str, str, str]]) -> list[str]:
    """Every row at the center, and once."""
    site = center_view.SITE
    rows = center_view.query(
        rig,
        f"SELECT boot, seq, 'evt' FROM events WHERE site = '{site}' UNION ALL SELECT boot, seq, 'fig' FROM figures WHERE site = '{site}'",
    )
    at_center = [(boot, seq, kind) for boot, seq, kind in rows]
    missing = sorted(waiting - set(at_center))
    assert not missing, f"never came to the center: {missing}"
    twice = sorted({row for row in at_center if at_center.count(row) > 1})
    assert not twice, f"stored twice: {twice}"
    quarantined = center_view.query(rig, f"SELECT topic, reason, detail FROM quarantine WHERE topic LIKE '%/{site}/%'")
    assert not quarantined, f"the center could not read: {quarantined}"
    started = center_view.query(rig, f"SELECT data FROM events WHERE site = '{site}' AND type = 'lifecycle' ORDER BY time DESC LIMIT 1")
    cause = json.loads("|".join(started[0])).get("cause", "") if started else ""
    events = sum(kind == "evt" for _boot, _seq, kind in waiting)
    return [
        f"{len(waiting)} journal rows ({events} events) were on disk at the reset; each is at the center once, none is left at the site",
        f"the agent's own account of the start: {cause}",
    ]
