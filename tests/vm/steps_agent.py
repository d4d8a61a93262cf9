"""Steps that look at the deployed agent: its user, its sandbox, its encrypted connection, its tile on the board."""

from __future__ import annotations

import re

from tests.vm import center_view, network, site_view
from tests.vm.rig import Rig
from tests.vm.shell import wait_for

UNIT = "diemcau-agent.service"
LARGEST_EXPOSURE = 2.5
_TLS = "/etc/diemcau/tls"


def sandbox(rig: Rig) -> list[str]:
    """The agent runs as its own user in its sandbox."""
    ssh = rig.site.ssh
    assert ssh.out(f"systemctl is-active {UNIT}") == "active"
    pid = ssh.out(f"systemctl show --property=MainPID --value {UNIT}")
    user = ssh.out(f"ps -o user:32= -p {pid}")
    assert user == "diemcau-agent", f"the agent runs as {user!r}"
    kind = ssh.out(f"systemctl show --property=Type --value {UNIT}")
    assert kind == "notify", f"the unit is of type {kind}"
    said = ssh.out(f"systemd-analyze security --no-pager {UNIT} | tail -1")
    score = re.search(r"([\d.]+) [A-Z]+", said)
    assert score, said
    assert float(score[1]) <= LARGEST_EXPOSURE, said
    assert ssh.out("stat -c '%U:%G %a' /etc/diemcau/tls/site.key") == "root:diemcau-agent 640"
    denied = ssh.sh("runuser -u nobody -- cat /etc/diemcau/edge-agent.toml", check=False)
    assert denied.returncode != 0, "anybody can read the site's file"
    return [f"process {pid} is of user {user}, unit of type {kind}, exposure {score[1]} (at most {LARGEST_EXPOSURE})"]


def encrypted(rig: Rig) -> list[str]:
    """The connection is mutual TLS 1.3; without certificate or with TLS 1.2 there is none."""
    ssh = rig.site.ssh
    pid = ssh.out(f"systemctl show --property=MainPID --value {UNIT}")
    sockets = ssh.out("ss -Htnp state established")
    to_broker = [line for line in sockets.splitlines() if f"{network.CENTER}:8883" in line and f"pid={pid}," in line]
    assert to_broker, f"the agent has no connection to the broker:\n{sockets}"
    log = rig.center.ssh.out(
        f"journalctl --no-pager -u diemcau-broker | grep -F {network.SITE} | grep -F \"u'{center_view.SITE}'\" | tail -1"
    )
    assert log, "the broker's log does not say that the site came by its certificate's name"
    own = f"-cert {_TLS}/site.crt -key {_TLS}/site.key"
    good = _s_client(rig, f"-tls1_3 {own}")
    assert "Verify return code: 0 (ok)" in good, good
    cipher = re.search(r"New, TLSv1\.3, Cipher is (\S+)", good)
    assert cipher, good
    older = _s_client(rig, f"-tls1_2 {own}")
    assert "alert protocol version" in older, f"TLS 1.2 was not refused: {older}"
    nameless = _s_client(rig, "-tls1_3")
    assert "certificate required" in nameless, f"a client without certificate was not refused: {nameless}"
    return [
        f"broker: {log.partition(': ')[2]}",
        f"TLSv1.3 {cipher[1]}, both certificates verified; TLS 1.2 and a client without certificate are refused",
    ]


def _s_client(rig: Rig, options: str) -> str:
    target = f"-connect {network.CENTER}:8883 -verify_ip {network.CENTER} -CAfile {_TLS}/ca.crt"
    # A second of patience: in TLS 1.3 the refusal of a certificate comes after the client believes itself connected.
    return rig.site.ssh.sh(f"(sleep 4; echo) | timeout 60 openssl s_client {target} {options} 2>&1", check=False).stdout


def board(rig: Rig) -> list[str]:
    """The site stands on the board, and the center says that it hears it."""
    healthy = center_view.wait_healthy(rig, version=rig.notes["version"])
    fetch = "python3 -c 'import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())'"

    def shown() -> str:
        page = rig.center.ssh.out(f"{fetch} http://127.0.0.1:8470/")
        return page if "Phòng họp trực tuyến – máy ảo" in page and f"/site/{center_view.SITE}" in page else ""

    page = wait_for("the site on the board", shown, limit_s=120)
    assert "<html" in page
    site_page = rig.center.ssh.out(f"{fetch} http://127.0.0.1:8470/site/{center_view.SITE}")
    assert "Camera" in site_page, "the site's page says nothing of its camera"
    closed = rig.site.ssh.sh(f"timeout 10 bash -c '</dev/tcp/{network.CENTER}/8470'", check=False)
    assert closed.returncode != 0, "the board answers a site: the firewall or the address is wrong"
    sync = rig.site.ssh.out("chronyc -n sources | grep -F '^*' || true")
    return [
        healthy,
        "the wall and the site's own page show it; from the site the board cannot be reached",
        f"clock: {sync or 'not yet chosen'}",
    ]


def behind_nat(rig: Rig) -> list[str]:
    """With the site's address translated on the way, both MQTT and the answers of the center's reflector still come through."""
    since = center_view.center_now(rig)
    rig.network.translate()
    try:
        rig.site.ssh.sh(f"systemctl restart {UNIT}")
        healthy = center_view.wait_healthy(rig, since=since)
        log = rig.center.ssh.out(f"journalctl --no-pager -u diemcau-broker | grep -F \"u'{center_view.SITE}'\" | tail -1")
        assert network.CONTROL_NODE in log, f"the broker does not see the translated address: {log}"
        wait_for("the link is well behind NAT", lambda: site_view.component_is_well(rig, "link"), limit_s=240, every_s=5)
    finally:
        rig.network.show()
    center_view.wait_healthy(rig)
    return [healthy, f"the center sees {network.CONTROL_NODE} instead of {network.SITE}; the link's figures come in and are well"]
