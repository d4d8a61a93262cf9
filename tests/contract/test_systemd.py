"""systemd's notify protocol, heard at the other end of the socket."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from contract import systemd


@pytest.mark.parametrize("abstract", [False, True])
def test_what_is_told_arrives_as_one_datagram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    address = f"@diemcau-{tmp_path.name}-{id(monkeypatch)}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(address.replace("@", "\0", 1))
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        assert systemd.notify("READY=1", "STATUS=idle")
        assert ear.recv(1000) == b"READY=1\nSTATUS=idle"


def test_without_systemd_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not systemd.notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not systemd.notify("READY=1")
