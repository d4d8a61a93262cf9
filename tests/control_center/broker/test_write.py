"""``control-center broker write``: what the role `broker` calls."""

from __future__ import annotations

import grp
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from control_center import cli, operations
from control_center.broker.configuration import CENTER_USER, fits

if TYPE_CHECKING:
    from tests.conftest import Authority, MakeAuthority

FILES = ["acl", "passwords", "mosquitto.conf"]


class Writer:
    def __init__(self, folder: Path, authority: Authority, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.authority, self._capsys = folder / "broker", authority, capsys
        self.password = folder / "center.password"
        self.password.write_text("geheim\n", encoding="utf-8")
        self.pair = authority.issue("broker", server=True)

    def __call__(self, *more: str, crl: bool = True) -> tuple[int, list[str], str]:
        words = ["broker", "write", str(self.folder), "--sites-address", "10.1.2.3", "--sites-port", "8883", "--center-port", "1884"]
        words += ["--ca", str(self.authority.ca), "--cert", str(self.pair.cert), "--key", str(self.pair.key)]
        words += ["--center-password-file", str(self.password), *(["--crl", str(self.authority.crl)] if crl else []), *more]
        status = cli.main(words)
        said = self._capsys.readouterr()
        return status, json.loads(said.out)["changed"] if said.out else [], said.err

    def hashed(self) -> str:
        return (self.folder / "passwords").read_text(encoding="utf-8").strip().partition(":")[2]


@pytest.fixture
def writer(tmp_path: Path, make_authority: MakeAuthority, capsys: pytest.CaptureFixture[str]) -> Writer:
    return Writer(tmp_path, make_authority(tmp_path / "authority"), capsys)


def test_the_second_time_changes_nothing(writer: Writer) -> None:
    assert writer() == (0, FILES, "")
    before = {name: (writer.folder / name).stat().st_mtime_ns for name in FILES}
    assert writer() == (0, [], "")
    assert {name: (writer.folder / name).stat().st_mtime_ns for name in FILES} == before
    assert {path.name for path in writer.folder.iterdir()} == set(FILES), "nothing unfinished is left behind"


def test_check_says_what_would_change_and_writes_nothing(writer: Writer) -> None:
    assert writer("--check") == (0, FILES, "")
    assert not writer.folder.exists()
    writer()
    writer.password.write_text("another\n", encoding="utf-8")
    hashed = writer.hashed()
    assert writer("--check") == (0, ["passwords"], "")
    assert writer.hashed() == hashed


def test_a_password_keeps_its_hash_until_it_is_another(writer: Writer) -> None:
    writer()
    first = writer.hashed()
    assert fits("geheim", first)
    (writer.folder / "acl").write_text("topic readwrite #\n", encoding="utf-8")
    assert writer()[1] == ["acl"]
    assert writer.hashed() == first
    writer.password.write_text("another\n", encoding="utf-8")
    assert writer()[1] == ["passwords"]
    assert fits("another", writer.hashed())
    assert not fits("geheim", writer.hashed())


@pytest.mark.parametrize("garbage", ["", "no colon", f"{CENTER_USER}:$7$x$y$z", f"{CENTER_USER}:$7$", f"{CENTER_USER}:plain", "\0"])
def test_a_password_file_that_is_none_is_replaced(writer: Writer, garbage: str) -> None:
    writer()
    (writer.folder / "passwords").write_text(garbage, encoding="utf-8")
    assert writer()[1] == ["passwords"]
    assert fits("geheim", writer.hashed())


@pytest.mark.req("R9")
def test_no_file_is_readable_by_others_and_a_loosened_one_is_put_right(writer: Writer) -> None:
    writer()
    for name in FILES:
        assert (writer.folder / name).stat().st_mode & 0o137 == 0
    (writer.folder / "passwords").chmod(0o644)
    assert writer()[1] == ["passwords"]
    assert (writer.folder / "passwords").stat().st_mode & 0o137 == 0


@pytest.mark.root
def test_root_gives_the_files_to_the_brokers_group(writer: Writer) -> None:
    writer()
    for name in FILES:
        status = (writer.folder / name).stat()
        assert (status.st_mode & 0o777, status.st_uid, status.st_gid) == (0o640, 0, grp.getgrnam("mosquitto").gr_gid)


def test_the_listeners_are_what_the_design_says(writer: Writer) -> None:
    writer()
    sites, center = (writer.folder / "mosquitto.conf").read_text(encoding="utf-8").split("\nlistener ")[1:]
    assert sites.splitlines()[0] == "8883 10.1.2.3"
    for line in ("tls_version tlsv1.3", "require_certificate true", "use_identity_as_username true", f"crlfile {writer.authority.crl}"):
        assert line in sites.splitlines()
    assert center.splitlines()[0] == "1884 127.0.0.1"
    assert "certfile" not in center
    writer(crl=False)
    assert "crlfile" not in (writer.folder / "mosquitto.conf").read_text(encoding="utf-8")


def test_papers_the_broker_would_choke_on_are_refused_and_nothing_is_written(writer: Writer) -> None:
    writer.pair = writer.authority.issue("broker", server=True, begins_days=-20, ends_days=-1)
    status, changed, told = writer()
    assert (status, changed, writer.folder.exists()) == (2, [], False)
    assert "broker.crt: has expired on" in told
    writer.pair = writer.authority.issue("an-nhon")
    assert writer()[0] == 2
    writer.pair = writer.authority.issue("broker", server=True)
    writer.authority.revoke(ends_days=-1)
    assert "CRL has expired" in writer()[2]


def test_a_certificate_that_ends_soon_is_a_warning(writer: Writer) -> None:
    writer.pair = writer.authority.issue("broker", server=True, ends_days=20)
    status, changed, told = writer()
    assert (status, changed) == (0, FILES)
    assert "warning: " in told


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"])
def test_a_password_that_cannot_be_read_is_told(writer: Writer, content: bytes | None) -> None:
    writer.password.unlink() if content is None else writer.password.write_bytes(content)
    status, _, told = writer()
    assert status == 2
    assert told.startswith(f"control-center: {writer.password}: ")


def test_without_mosquittos_group_root_is_told_to_install_it(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(operations, "BROKER_GROUP", "no-such-group")
    assert "apt install mosquitto" in writer()[2]


@pytest.mark.parametrize("words", [("--sites-address", "a\nallow_anonymous true"), ("--sites-port", "0"), ("--center-port", "70000")])
def test_what_is_no_address_or_port_is_wrong_usage(writer: Writer, words: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as end:
        writer(*words)
    assert end.value.code == 2
