"""What the center knows, asked on its own machine by its own commands and by reading its database."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any

from tests.vm.rig import Rig
from tests.vm.shell import wait_for

SITE = "phong-hop"
DATABASE = "/var/lib/diemcau-center/center.sqlite"
Incident = dict[str, Any]


def command(rig: Rig, *words: str) -> str:
    """What ``control-center …`` prints, as the center's own user."""
    return rig.center.ssh.out(f"runuser -u diemcau-center -- control-center {shlex.join(words)}")


def incidents(rig: Rig) -> list[Incident]:
    """All of the last 30 days, closed ones too."""
    return [json.loads(line) for line in command(rig, "incident", "list", "--all", "--json").splitlines()]


def query(rig: Rig, sql: str) -> list[list[str]]:
    """Rows of the center's database."""
    said = rig.center.ssh.out(f"sqlite3 -readonly -cmd '.timeout 30000' {DATABASE} {shlex.quote(sql)}")
    return [line.split("|") for line in said.splitlines()]


def center_now(rig: Rig) -> str:
    """The center's time, ISO 8601, UTC."""
    return rig.center.ssh.out("date --utc +%Y-%m-%dT%H:%M:%SZ")


def wait_opened(rig: Rig, codes: tuple[str, ...], since: str, *, limit_s: float = 300) -> Incident:
    """Wait for an alarmed incident of this site with one of these codes that was opened after `since`."""

    def opened() -> Incident | None:
        found = [one for one in incidents(rig) if one["code"] in codes and (one.get("opened_at") or "") >= since]
        return found[0] if found else None

    return _wait(rig, f"an incident {' or '.join(codes)}", opened, limit_s)


def wait_closed(rig: Rig, incident: Incident, *, limit_s: float = 300) -> Incident:
    """Wait until it is closed, with its end."""

    def closed() -> Incident | None:
        found = next(one for one in incidents(rig) if one["id"] == incident["id"])
        return found if found["state"] == "closed" and found.get("ended_at") else None

    return _wait(rig, f"the end of {incident['code']}", closed, limit_s)


def _wait(rig: Rig, what: str, look: Callable[[], Incident | None], limit_s: float) -> Incident:
    try:
        found = wait_for(what, look, limit_s=limit_s)
    except Exception as error:
        seen = [(one["code"], one["state"], one["began_at"], one.get("ended_at")) for one in incidents(rig)]
        error.add_note(f"incidents at the center: {seen}")
        raise
    assert found is not None
    assert found["site"] == SITE, f"the center says it is {found['site']}"
    return found


def wait_healthy(rig: Rig, *, version: str = "", since: str = "", wait_s: int = 300) -> str:
    """The center's own word that it hears the site's agent now."""
    more = [*(["--version", version] if version else []), *(["--since", since] if since else [])]
    words = shlex.join(["control-center", "site", "health", SITE, "--wait", str(wait_s), *more])
    return rig.center.ssh.out(words, timeout_s=wait_s + 60)


def told(incident: Incident) -> str:
    """An incident in a line."""
    more = "".join(f", {name} {incident[name]}" for name in ("figure", "unit", "frequency_hz", "place") if incident.get(name))
    return f"{incident['code']} at {incident['site']} since {incident['began_at']}{more}, {incident['state']}"
