"""Steps that change what runs: upgrade, an upgrade that goes wrong, purge."""

from __future__ import annotations

from tests.vm import center_view, deploy
from tests.vm.rig import Rig

LEFT = (
    "find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/log -o -path /var/tmp \\) -prune "
    "-o \\( -iname '*diemcau*' -o -iname '*edge-agent*' -o -user diemcau-agent \\) -print 2>/dev/null"
)


def upgrade(rig: Rig) -> list[str]:
    """Go to the next version."""
    version = rig.notes["next"]
    since = center_view.center_now(rig)
    recap, words = deploy.play(rig, "upgrade", version)
    assert recap.well, deploy.failures(words)
    healthy = center_view.wait_healthy(rig, version=version, since=since)
    installed = rig.site.ssh.out("dpkg-query --show --showformat='${Version}' diemcau-agent")
    assert installed == version, installed
    return [recap.said(), healthy]


def rollback(rig: Rig) -> list[str]:
    """An agent that does not start: Ansible must put the one before back by itself, and fail for that host."""
    recap, words = deploy.play(rig, "broken", rig.notes["broken"], "-e", "edge_agent_wait_s=60")
    assert recap.get("phong-hop", {}).get("failed"), f"the play does not say that it failed: {recap.said()}"
    assert recap["trung-tam"]["failed"] == 0, deploy.failures(words)
    installed = rig.site.ssh.out("dpkg-query --show --showformat='${Version}' diemcau-agent")
    assert installed == rig.notes["next"], f"{installed} is installed instead of {rig.notes['next']}:\n{deploy.failures(words)}"
    healthy = center_view.wait_healthy(rig, version=rig.notes["next"])
    return [recap.said(), f"back by itself: {healthy}"]


def purge(rig: Rig) -> list[str]:
    """Take the agent off, then look for anything that is left."""
    more = '{"edge_agent_state": "absent", "firewall_enabled": false, "identity_revoked": ["phong-hop"]}'
    recap, words = deploy.play(rig, "purge", rig.notes["next"], "--limit", "trung-tam,phong-hop", "-e", more)
    assert recap.well, deploy.failures(words)
    left = rig.site.ssh.sh(LEFT, check=False).stdout.split()
    assert not left, f"left at the site: {left}"
    for kind in ("passwd", "group"):
        assert rig.site.ssh.sh(f"getent {kind} diemcau-agent", check=False).returncode != 0, f"the {kind} entry is left"
    units = rig.site.ssh.out("systemctl list-units --all --plain --no-legend 'diemcau-*'")
    assert not units, f"systemd still knows {units}"
    processes = rig.site.ssh.sh("pgrep -af 'edge[-_]agent'", check=False).stdout
    assert not processes, processes
    return [recap.said(), "no file, user, group, unit or process of the agent is left at the site"]
