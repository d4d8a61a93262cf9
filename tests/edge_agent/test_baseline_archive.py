"""Approved references are carried onto a replacement PC, and nothing else is."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from edge_agent import cli
from edge_agent.baseline import Baselines
from tests.edge_agent.conftest import room_picture

pytestmark = pytest.mark.req("R54")


def site(folder: Path) -> Path:
    folder.mkdir()
    picture = folder.parent / "room.png"
    room_picture(picture)
    file = folder / "edge-agent.toml"
    file.write_text(f'[site]\nid = "x"\nname = "X"\n[state]\ndirectory = "{folder}/state"\n[camera]\nsource = "{picture}"\n')
    return file


def types(file: Path, *words: str) -> int:
    return cli.main(["baseline", *words, "--config", str(file)])


def test_what_was_approved_on_the_old_pc_holds_on_the_new_one(tmp_path: Path) -> None:
    old, new, archive = site(tmp_path / "old"), site(tmp_path / "new"), tmp_path / "mau.tar.gz"
    assert types(old, "save", str(archive)) == 2, "nothing is approved yet"
    assert types(old, "record") == 0
    assert types(old, "approve", "--by", "Nguyễn Thị A") == 0
    assert types(old, "save", str(archive)) == 0
    assert archive.stat().st_mode & 0o077 == 0
    assert types(old, "save", str(archive)) == 2, "an archive is not overwritten"
    state = tmp_path / "new/state"
    state.mkdir()
    if os.geteuid() == 0:
        os.chown(state, 12345, 12345)
    assert types(new, "restore", str(archive)) == 0
    assert {path.stat().st_uid for path in state.rglob("*")} == {state.stat().st_uid}
    approved = Baselines(tmp_path / "new/state").approved
    assert approved is not None
    assert approved.approved_by == "Nguyễn Thị A"
    assert types(new, "diff") == 0
    assert types(new, "restore", str(archive)) == 2, "references that are there are not overwritten"


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "baseline/../../evil", "other.json", "baseline/a/b"])
def test_an_archive_with_anything_else_in_it_changes_nothing(tmp_path: Path, name: str) -> None:
    archive, file = tmp_path / "evil.tar.gz", site(tmp_path / "new")
    with tarfile.open(archive, "w:gz") as packed:
        member = tarfile.TarInfo(name)
        member.size = 3
        packed.addfile(member, io.BytesIO(b"abc"))
    assert types(file, "restore", str(archive)) == 2
    assert not (tmp_path / "new/state").exists()
    assert not (tmp_path / "evil").exists()


def test_a_file_that_is_no_archive_is_refused_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, rubbish = site(tmp_path / "new"), tmp_path / "rubbish"
    rubbish.write_bytes(b"\x00\x01")
    for archive in (rubbish, tmp_path / "none"):
        assert types(file, "restore", str(archive)) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert types(file, "restore") == 2
