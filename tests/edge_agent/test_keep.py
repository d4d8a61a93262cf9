"""Small files: whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent import keep


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert keep.write(tmp_path / "a.json", b'["x"]')
    assert keep.read(tmp_path / "a.json", list[str]) == ["x"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b'["\xff"]'])
def test_what_cannot_be_read_is_as_if_it_were_not_there(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    assert keep.read(tmp_path / "a.json", list[str]) is None


def test_a_disk_that_refuses_leaves_the_old_file_and_is_told(tmp_path: Path) -> None:
    keep.write(tmp_path / "a.json", b"[]")
    (tmp_path / ".a.json.new").mkdir()
    assert not keep.write(tmp_path / "a.json", b'["x"]')
    assert keep.read(tmp_path / "a.json", list[str]) == []
