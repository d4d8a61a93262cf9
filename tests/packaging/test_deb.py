"""Control files, maintainer scripts, and the same bytes twice."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from deb_builder import deb
from deb_builder.deb import AGENT, CENTER, PACKAGES, Package, Tree

EPOCH = 1_800_000_000
needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
both = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.part)


def script(folder: Path, name: str, package: Package) -> str:
    return deb.expand((folder / "maintainer" / name).read_text(encoding="utf-8"), package, "1.2.3")


def build(place: Path, package: Package = AGENT) -> Path:
    place.mkdir()
    tree = Tree(place / "tree")
    tree.write("/usr/share/x/b", "b\n")
    tree.write("/usr/share/x/a", "a\n")
    tree.link("/usr/bin/x", "/opt/x")
    return deb.build(package, "1.2.3", tree, {"postinst": "#!/bin/sh\nexit 0\n"}, destination=place, epoch=EPOCH)


@both
@pytest.mark.parametrize("name", deb.SCRIPTS)
def test_a_maintainer_script_is_a_shell_script_with_every_word_filled_in(folder: Path, package: Package, name: str) -> None:
    text = script(folder, name, package)
    assert "@" not in text.replace('"$@"', "")
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def test_a_word_that_nobody_fills_in_stops_the_build() -> None:
    with pytest.raises(ValueError, match="NOBODY"):
        deb.expand("echo @NOBODY@", AGENT, "1.2.3")


@needs_dpkg
def test_control_says_what_dpkg_wants_to_know(tmp_path: Path) -> None:
    made = build(tmp_path / "one", CENTER)
    said = subprocess.run(["dpkg-deb", "--field", made], capture_output=True, text=True, check=True).stdout
    assert made.name == "diemcau-center_1.2.3_amd64.deb"
    for line in ("Package: diemcau-center", "Version: 1.2.3", "Architecture: amd64"):
        assert line in said.splitlines()
    assert "mosquitto" in said
    assert "python3 (>= 3.11)" in said


@needs_dpkg
def test_the_same_tree_gives_the_same_bytes_whoever_builds_it(tmp_path: Path) -> None:
    first = build(tmp_path / "one")
    before = os.umask(0o077)
    try:
        second = build(tmp_path / "two")
    finally:
        os.umask(before)
    assert first.read_bytes() == second.read_bytes()
    listed = subprocess.run(["dpkg-deb", "--contents", first], capture_output=True, text=True, check=True).stdout
    assert all(" root/root " in line for line in listed.splitlines())


@both
def test_removal_takes_the_program_only_and_purging_what_is_this_packages_own(tmp_path: Path, folder: Path, package: Package) -> None:
    """The script runs on a root of paper: absolute paths lead into it, and the commands that change users only write down."""
    text = script(folder, "postrm", package)
    for top in ("/opt/", "/etc/", "/var/"):
        text = text.replace(f" {top}", f" {tmp_path}{top}")
    text = text.replace("-d /run/systemd/system", "-d /nonexistent").replace("-x /usr/bin/", "-x /nonexistent/")
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("userdel", "groupdel", "getent"):
        (commands / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/told\n', encoding="utf-8")
        (commands / name).chmod(0o755)
    other = next(each for each in PACKAGES if each is not package)
    files = {
        each: [f"/opt/diemcau/{each.part}-1/x", f"/etc/diemcau/{each.configuration}", *(f"{path}/x" for path in each.leaves)]
        for each in PACKAGES
    }
    for path in (path for paths in files.values() for path in paths):
        (tmp_path / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path.lstrip("/")).touch()

    def run(action: str) -> set[str]:
        environment = {"PATH": f"{commands}:{os.environ['PATH']}"}
        subprocess.run(["sh", "-s", action], input=text, text=True, check=True, env=environment)
        return {path for paths in files.values() for path in paths if (tmp_path / path.lstrip("/")).exists()}

    everything = {path for paths in files.values() for path in paths}
    assert run("upgrade") == everything
    assert run("remove") == everything - {f"/opt/diemcau/{package.part}-1/x"}
    assert run("purge") == set(files[other])
    told = (tmp_path / "told").read_text(encoding="utf-8")
    assert f"userdel {package.name}\n" in told
    assert other.name not in told


@both
def test_an_upgrade_stops_nothing_before_the_new_environment_is_ready(folder: Path, package: Package) -> None:
    done = subprocess.run(
        ["sh", "-x", "-s", "upgrade", "2"], input=script(folder, "prerm", package), capture_output=True, text=True, check=True
    )
    assert "deb-systemd-invoke" not in done.stderr
    postinst = script(folder, "postinst", package)
    configure = postinst[postinst.index("  configure)") :]
    assert (
        configure.index("make_environment")
        < configure.index("switch_over")
        < configure.index("start_again")
        < configure.index("remove_others")
    )


def test_an_upgrade_of_the_center_never_restarts_the_broker(folder: Path) -> None:
    postinst = script(folder, "postinst", CENTER)
    start_again = postinst[postinst.index("start_again()") : postinst.index("enable_units()")]
    assert "diemcau-center.service" in start_again
    assert "diemcau-broker" not in start_again


@both
def test_pip_gets_nothing_from_the_caller_and_nothing_from_a_network(folder: Path, package: Package) -> None:
    postinst = script(folder, "postinst", package)
    for word in ("env -i ", "PIP_CONFIG_FILE=/dev/null", "--isolated", "--no-index", "--require-hashes", "--only-binary :all:"):
        assert word in postinst
