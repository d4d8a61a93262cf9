"""The role edge_agent against booted machines: what it leaves behind when all is well, and when it is not."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.ansible.conftest import BuildDeb
from tests.ansible.machines import REPOSITORY, Controller, Machine

pytestmark = [pytest.mark.root]
FILE = "/etc/diemcau/edge-agent.toml"
Machines = dict[str, Machine]


@pytest.fixture
def installed(controller: Controller, machines: Machines) -> None:
    """``an-lac`` and ``binh-an`` at version 1.0.0, seen healthy."""
    if any(machines[name].version() != "1.0.0" for name in ("an-lac", "binh-an")):
        played = controller.play({}, "--limit=an-lac,binh-an")
        assert played.status == 0, played.said


@pytest.mark.req("R9", "R29")
@pytest.mark.usefixtures("installed")
def test_the_first_run_installs_and_the_second_changes_nothing(controller: Controller, machines: Machines) -> None:
    site = machines["an-lac"]
    document = tomllib.loads(site.read(FILE))
    assert document["site"] == {"id": "an-lac", "name": "Huyện An Lạc"}
    assert document["link"]["ssid"] == 7
    assert [end["name"] for end in document["link"]["targets"]] == ["gateway", "center"]
    assert document["camera"] == {"source": ""}
    assert document["microphone"] == {"sound_in_codec": True}
    assert "codec" not in document
    assert site.run("stat", "--format=%U:%G %a", FILE).split() == ["root:diemcau-agent", "640"]
    assert site.run("systemctl", "is-enabled", "diemcau-agent").strip() == "enabled"
    started = site.run("systemctl", "show", "--property=MainPID", "diemcau-agent")

    again = controller.play({}, "--limit=an-lac,binh-an")

    assert again.status == 0, again.said
    assert [again.tasks(name, "changed") for name in ("an-lac", "binh-an")] == [[], []]
    assert site.run("systemctl", "show", "--property=MainPID", "diemcau-agent") == started


def test_check_mode_tells_of_changes_and_makes_none(controller: Controller, machines: Machines) -> None:
    site = machines["cat-thanh"]
    played = controller.play({}, "--limit=cat-thanh", "--check", "--diff")
    assert played.status == 0, played.said
    assert {"Copy the package to the site", "Write the site's file"} <= {
        name.removeprefix("edge_agent : ") for name in played.tasks("cat-thanh", "changed")
    }
    assert not site.version()
    assert not site.has(FILE)
    assert not site.has("/var/cache/diemcau-packages")


@pytest.mark.usefixtures("installed")
def test_a_version_that_the_center_does_not_hear_goes_back_and_stops_the_batches(
    controller: Controller, machines: Machines, build_deb: BuildDeb
) -> None:
    site = machines["an-lac"]
    before = site.read(FILE)
    build_deb("1.2.1", program="time.time_ns = lambda: sys.exit('broken on purpose')\n")

    played = controller.play({"diemcau_version": "1.2.1", "diemcau_site_name": "Tên mới"}, "--limit=an-lac,binh-an")

    assert played.status != 0
    assert "1.0.0 is back with its configuration" in played.failure("an-lac")
    assert "journalctl -u diemcau-agent" in played.failure("an-lac")
    assert site.version() == "1.0.0"
    assert site.read(FILE) == before
    assert site.run("systemctl", "is-active", "diemcau-agent").strip() == "active"
    assert played.count("binh-an", "ok") == 0, "the second batch must not begin"
    assert machines["binh-an"].version() == "1.0.0"
    assert controller.play({}, "--limit=an-lac").tasks("an-lac", "changed") == []


@pytest.mark.usefixtures("installed")
def test_a_package_that_fails_to_install_goes_back(controller: Controller, machines: Machines, build_deb: BuildDeb) -> None:
    deb = build_deb("1.3.0")
    tree = deb.parent / "diemcau-agent-1.3.0"
    (tree / "DEBIAN/postinst").write_text("#!/bin/sh\necho no room on this disk >&2\nexit 1\n", encoding="utf-8")
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, deb], check=True, capture_output=True)

    played = controller.play({"diemcau_version": "1.3.0"}, "--limit=an-lac")

    assert played.status != 0
    assert "1.0.0 is back with its configuration" in played.failure("an-lac")
    assert machines["an-lac"].version() == "1.0.0"
    assert machines["an-lac"].run("systemctl", "is-active", "diemcau-agent").strip() == "active"


@pytest.mark.usefixtures("installed")
def test_a_wrong_configuration_never_reaches_the_site(controller: Controller, machines: Machines) -> None:
    site = machines["an-lac"]
    before = site.read(FILE)
    played = controller.play({"edge_agent_settings": {"camra": {"source": "/dev/video0"}}}, "--limit=an-lac")
    assert "nothing was changed" in played.failure("an-lac")
    assert "camra: unknown table" in played.failure("an-lac")
    assert site.read(FILE) == before


@pytest.mark.req("R9")
@pytest.mark.usefixtures("installed")
def test_secrets_lie_where_the_agent_alone_reads_them_and_are_never_printed(controller: Controller, machines: Machines) -> None:
    site = machines["binh-an"]
    variables = {"edge_agent_secrets": {"snmp.community": "Kho-doan-42"}, "edge_agent_settings": {"codec": {"host": "10.20.20.9"}}}
    played = controller.play(variables, "--limit=binh-an", "-vvv", "--diff")
    assert played.status == 0, played.said
    assert site.read("/etc/diemcau/secrets/snmp.community") == "Kho-doan-42"
    assert site.run("stat", "--format=%U:%G %a", "/etc/diemcau/secrets/snmp.community").split() == ["root:diemcau-agent", "640"]
    assert "Kho-doan-42" not in played.said
    assert tomllib.loads(site.read(FILE))["codec"] == {"host": "10.20.20.9"}


@pytest.mark.usefixtures("installed")
def test_an_upgrade_keeps_the_version_before_it_and_a_downgrade_returns_to_it(
    controller: Controller, machines: Machines, build_deb: BuildDeb
) -> None:
    site = machines["an-lac"]
    build_deb("1.1.0")
    for version, previous in (("1.1.0", "1.0.0"), ("1.0.0", "1.1.0")):
        played = controller.play({"diemcau_version": version}, "--limit=an-lac")
        assert played.status == 0, played.said
        assert site.version() == version
        fact = json.loads(site.read("/etc/ansible/facts.d/diemcau_agent.fact"))
        assert fact["version"] == version
        assert f"_{previous}_" in fact["previous"]
        assert site.has(fact["package"])
        assert site.has(fact["previous"])


def test_a_missing_debian_package_is_named_and_comes_from_the_control_node(
    controller: Controller, machines: Machines, build_deb: BuildDeb, tmp_path: Path
) -> None:
    site = machines["cat-thanh"]
    build_deb("1.4.0", depends="libportaudio2, diemcau-trial-needed")
    lacking = controller.play({"diemcau_version": "1.4.0"}, "--limit=cat-thanh")
    assert "nothing was changed" in lacking.failure("cat-thanh")
    assert "diemcau-trial-needed" in lacking.failure("cat-thanh")
    assert not site.version()

    folder = tmp_path / "debs" / "bookworm"
    build_deb("0.1", name="diemcau-trial-needed", depends="", into=folder)
    subprocess.run([REPOSITORY / "packaging/air-gap.sh", "--index", folder], check=True)
    played = controller.play({"diemcau_version": "1.4.0", "diemcau_debian_packages": str(folder.parent)}, "--limit=cat-thanh")
    assert played.status == 0, played.said
    assert site.version("diemcau-trial-needed") == "0.1"


@pytest.mark.usefixtures("installed")
def test_a_site_that_is_taken_off_leaves_nothing_and_asks_for_its_revocation(controller: Controller, machines: Machines) -> None:
    site = machines["binh-an"]
    unrevoked = controller.play({"edge_agent_state": "absent"}, "--limit=binh-an")
    assert "add it to identity_revoked" in unrevoked.failure("binh-an")
    gone = {"edge_agent_state": "absent", "identity_revoked": ["binh-an"]}
    played = controller.play(gone, "--limit=binh-an")
    assert played.status == 0, played.said
    assert played.tasks("binh-an", "changed") == []
    assert not site.version()
    for path in (
        FILE,
        "/etc/diemcau/secrets",
        "/etc/diemcau/tls",
        "/var/lib/diemcau",
        "/var/cache/diemcau-packages",
        "/etc/ansible/facts.d/diemcau_agent.fact",
    ):
        assert not site.has(path), path
