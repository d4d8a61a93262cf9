"""Backup, restore and the move to another database, as they are typed."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, select

from contract import messages
from contract.findings import Severity
from contract.messages import Lifecycle
from contract.topics import Kind, Topic, site_topic
from control_center import cli, upkeep
from control_center.incidents.model import Incident, IncidentState
from control_center.ingest import batch
from control_center.ingest.intake import Accepted, Arrived, read
from control_center.logbook import files
from control_center.store import database, forms, incidents, tenancy
from control_center.store.base import Base

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
HEAD = ScriptDirectory(str(database.MIGRATIONS)).get_current_head()
NEXT_MIGRATION = f"""
from alembic import op
revision, down_revision, branch_labels, depends_on = "next", "{HEAD}", None, None
def upgrade() -> None:
    op.execute("CREATE INDEX of_the_next_version ON events (received_at)")
"""


class Typed(NamedTuple):
    status: int
    out: str
    err: str


class Center:
    """The command line over a folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], url: str = "") -> None:
        self.folder, self.state, self.file, self.url = folder, folder / "state", folder / "center.toml", url
        folder.mkdir(exist_ok=True)
        (folder / "center.password").write_text("secret\n", encoding="ascii")
        self.file.write_text(
            f'[center]\ndirectory = "{self.state}"\ndatabase = "{url}"\n'
            f'[broker]\nmanaged = false\npassword_file = "{folder / "center.password"}"\nca = "{folder / "missing.crt"}"\n',
            encoding="utf-8",
        )
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> Typed:
        status = cli.main([*map(str, arguments), "--config", str(self.file)])
        return Typed(status, *self._capsys.readouterr())

    def filled(self) -> Center:
        """With sites, a meeting, an incident, an event and a form."""
        for site, name in (("quy-nhon", "Thành phố Quy Nhơn"), ("hoai-nhon", "Thị xã Hoài Nhơn")):
            assert self("site", "add", site, "--name", name).status == 0
        begins = datetime.now(UTC) + timedelta(days=30)
        times = ("--begins", begins.isoformat(), "--ends", (begins + timedelta(hours=1)).isoformat())
        words = ("--title", "Họp giao ban", "--organizer", "UBND tỉnh", "--main", "quy-nhon", "--branch", "hoai-nhon")
        assert self("meeting", "add", *words, *times, "--id", "hop-1").status == 0
        engine = database.open_store(self.state, self.url)
        incidents.save(engine, [INCIDENT], NOW)
        with engine.begin() as connection:
            batch.store(connection, [_event()], [])
        files.draft_all(engine, self.state, "hop-1", NOW)
        forms.confirm(engine, "hop-1", author="Chánh Văn phòng", made_at=NOW)
        engine.dispose()
        return self

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """Everything that is in the database."""
        engine = database.open_store(self.state, self.url)
        with engine.connect() as connection:
            every = {
                table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
                for table in Base.metadata.sorted_tables
            }
        engine.dispose()
        return every

    def kept_files(self) -> dict[str, bytes]:
        """Content of identities and forms."""
        paths = [path for name in ("identities", "forms") for path in (self.state / name).iterdir()]
        return {str(path.relative_to(self.state)): path.read_bytes() for path in paths}

    def backup(self) -> Path:
        """A fresh archive."""
        made = self("db", "backup")
        assert made.status == 0, made.err
        return Path(made.out.strip())


INCIDENT = Incident(
    id="quy-nhon-1-microphone.howling",
    site="quy-nhon",
    code="microphone.howling",
    component="microphone",
    severity=Severity.CRITICAL,
    state=IncidentState.OPEN,
    began_at=NOW,
    opened_at=NOW,
    meeting="hop-1",
    details={"channel": "trái", "level": -12.5},
)


def _event() -> Accepted:
    encoded = messages.encode(Topic("quy-nhon", Kind.EVENT), Lifecycle(what="started", at=NOW), boot="b1", seq=1, time=NOW)
    item = read(Arrived(site_topic("quy-nhon", Kind.EVENT), encoded, NOW))
    assert isinstance(item, Accepted)
    return item


@pytest.fixture(params=["sqlite", "postgresql"])
def center(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Center:
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    return Center(tmp_path / "center", capsys, url)


@pytest.fixture
def small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Center:
    """On SQLite, filled."""
    return Center(tmp_path / "center", capsys).filled()


@pytest.fixture
def empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Center:
    """Another machine, with the program and a configuration only."""
    return Center(tmp_path / "other", capsys)


@pytest.mark.req("R54")
def test_what_was_backed_up_is_restored_on_a_new_machine(center: Center, empty: Center) -> None:
    made = center.filled().backup()
    assert made.stat().st_mode & 0o077 == 0
    restored = empty("db", "restore", made)
    assert (restored.status, restored.err) == (0, "")
    assert empty.rows() == center.rows()
    assert all(rows for table, rows in empty.rows().items() if table in {"sites", "meetings", "incidents", "events", "form_versions"})
    assert empty.kept_files() == center.kept_files()
    assert len(empty.kept_files()) == 5
    assert not any((empty.state / name).stat().st_mode & 0o077 for name in empty.kept_files())
    assert empty("db", "verify") == Typed(0, "", "")
    assert (empty.state / "restored-configuration" / "control-center.toml").read_bytes() == center.file.read_bytes()
    assert (empty.state / "restored-configuration" / "broker" / "center.password").read_text(encoding="ascii") == "secret\n"


@pytest.mark.req("R54")
def test_a_backup_of_one_kind_of_database_is_restored_on_the_other(small: Center, postgresql_url: str) -> None:
    target = Center(small.folder.parent / "larger", small._capsys, postgresql_url)
    assert target("db", "restore", small.backup()).status == 0
    assert target.rows() == small.rows()
    refused = target("db", "restore", small.backup())
    assert refused.status == 2
    assert "the target has rows already" in refused.err


def test_what_was_there_is_moved_aside_not_lost(small: Center) -> None:
    made, before = small.backup(), small.rows()
    assert small("site", "add", "an-nhon", "--name", "An Nhơn").status == 0
    assert small("db", "restore", made).status == 0
    assert small.rows() == before
    (aside,) = small.state.glob("replaced-*")
    assert (aside / "identities" / "an-nhon.password").exists()
    with sqlite3.connect(aside / "center.sqlite") as opened:
        assert ("An Nhơn",) in opened.execute("SELECT name FROM sites").fetchall()
    opened.close()
    assert made.exists(), "the backups stay where they are"


@pytest.mark.parametrize("command", [("db", "restore", "x.tar.gz"), ("db", "copy", "--to", "sqlite:///x.sqlite"), ("run",)])
def test_nothing_is_replaced_under_a_center_that_runs(small: Center, command: tuple[str, ...]) -> None:
    with tenancy.alone(small.state):
        refused = small(*command)
    assert refused.status == 2
    assert "the center runs in" in refused.err


def test_tables_are_upgraded_under_no_center_that_runs_but_there_is_nothing_to_refuse_when_they_need_it_not(
    small: Center, next_version: Callable[[], None]
) -> None:
    with tenancy.alone(small.state):
        assert small("db", "upgrade") == Typed(0, f"migration {HEAD}\n", "")
        next_version()
        assert "the center runs in" in small("db", "upgrade").err
    upgraded = small("db", "upgrade")
    assert upgraded.out.startswith("migration next, backup ")
    assert Path(upgraded.out.partition("backup ")[2].strip()).exists()


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _one_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def _rewritten(change: Callable[[str, bytes], tuple[str, bytes] | None]) -> Callable[[bytes], bytes]:
    def act(content: bytes) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(content)) as old, tarfile.open(fileobj=out, mode="w:gz") as new:
            for member in old:
                file = old.extractfile(member)
                assert file is not None
                changed = change(member.name, file.read())
                if changed is not None:
                    info = tarfile.TarInfo(changed[0])
                    info.size = len(changed[1])
                    new.addfile(info, io.BytesIO(changed[1]))
        return out.getvalue()

    return act


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        pytest.param(_cut, "is damaged", id="cut short"),
        pytest.param(_one_bit, "is damaged", id="one bit"),
        pytest.param(lambda _: b"PK, no archive of ours", "is damaged", id="something else"),
        pytest.param(lambda content: gzip.compress(_cut(gzip.decompress(content))), "is damaged", id="cut inside"),
        pytest.param(_rewritten(lambda name, old: None if name == "SHA256SUMS" else (name, old)), "cut short: SHA256SUMS", id="no list"),
        pytest.param(_rewritten(lambda name, old: None if "forms" in name else (name, old)), "does not fit", id="a file removed"),
        pytest.param(_rewritten(lambda name, old: (name, old + b" " if "password" in name else old)), "does not fit", id="a file changed"),
        pytest.param(_rewritten(lambda name, old: (name.replace("state/forms", "state/../.."), old)), "no place", id="a file outside"),
        pytest.param(_rewritten(lambda name, old: (name.replace("state/forms", "state/broker"), old)), "no place", id="a file not kept"),
    ],
)
def test_a_damaged_archive_is_refused_and_nothing_is_touched(
    small: Center, empty: Center, damage: Callable[[bytes], bytes], told: str
) -> None:
    made, before = small.backup(), small.rows()
    made.write_bytes(damage(made.read_bytes()))
    for one in (small, empty):
        refused = one("db", "restore", made)
        assert refused.status == 2
        assert told in refused.err
        assert refused.err.count("\n") == 1
    assert small.rows() == before
    assert [entry.name for entry in empty.state.iterdir()] == ["lock"]
    assert small("db", "verify", made).status == 2


def test_a_tampered_form_inside_a_whole_archive_is_refused(small: Center, empty: Center) -> None:
    engine = create_engine(f"sqlite:///{small.state / 'center.sqlite'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER form_versions_no_update")
        connection.exec_driver_sql("UPDATE form_versions SET author = 'ai đó' WHERE state = 'confirmed'")
    engine.dispose()
    refused = empty("db", "restore", small.backup())
    assert refused.status == 2
    assert "was changed after it was written" in refused.err


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and the program is one migration newer."""
    newer = tmp_path / "migrations"
    shutil.copytree(database.MIGRATIONS, newer, ignore=shutil.ignore_patterns("__pycache__"))
    (newer / "versions" / "next.py").write_text(NEXT_MIGRATION, encoding="utf-8")
    return lambda: monkeypatch.setattr(database, "MIGRATIONS", newer)


def test_a_backup_of_an_older_version_is_brought_to_this_one(small: Center, empty: Center, next_version: Callable[[], None]) -> None:
    made = small.backup()
    next_version()
    assert empty("db", "restore", made).status == 0
    assert empty("db", "verify") == Typed(0, "", "")
    assert empty.rows() == small.rows()


def test_a_backup_of_a_newer_version_is_refused(
    small: Center, empty: Center, next_version: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context():
        next_version()
    assert small("db", "upgrade").status == 0
    made = small.backup()
    monkeypatch.undo()
    refused = empty("db", "restore", made)
    assert refused.status == 2
    assert "written by a newer one" in refused.err


def test_old_backups_are_removed_when_asked_for_and_only_ours(small: Center, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_now", lambda: NOW)
    for name in ("center-20261024T075959Z.tar.gz", "center-20261026T080000Z.tar.gz", "center-of-the-boss.tar.gz"):
        (small.state / "backups").mkdir(exist_ok=True)
        (small.state / "backups" / name).write_bytes(b"")
    assert small("db", "backup", "--keep", "30").status == 0
    assert sorted(path.name for path in (small.state / "backups").iterdir()) == [
        "center-20261026T080000Z.tar.gz",
        "center-20261124T080000Z.tar.gz",
        "center-of-the-boss.tar.gz",
    ]


def test_the_list_of_checksums_is_one_that_sha256sum_reads(small: Center, tmp_path: Path) -> None:
    with tarfile.open(small.backup()) as tar:
        names = tar.getnames()
        contents = {name: tar.extractfile(name).read() for name in names}  # type: ignore[union-attr]
    listed = contents.pop("SHA256SUMS").decode().splitlines()
    assert listed == [f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in contents.items()]
    assert names[0] == "backup.json"
    assert "configuration/control-center.toml" in names


@pytest.mark.root
def test_what_root_restores_belongs_to_whom_the_folder_belongs(small: Center, empty: Center) -> None:
    made = small.backup()
    empty.state.mkdir()
    os.chown(empty.state, 65534, 65534)
    assert empty("db", "restore", made).status == 0
    kept = [empty.state / "center.sqlite", *(empty.state / "identities").iterdir(), empty.state / "forms"]
    assert {path.stat().st_uid for path in kept} == {65534}


def test_a_center_moves_to_postgresql_and_goes_on_there(small: Center, postgresql_url: str) -> None:
    moved = small("db", "copy", "--to", postgresql_url)
    assert (moved.status, moved.err) == (0, "")
    assert "2\tsites" in moved.out.splitlines()
    there = Center(small.folder.parent / "larger", small._capsys, postgresql_url)
    assert there.rows() == small.rows()
    assert there("db", "verify") == Typed(0, "", "")
    engine = database.open_store(there.state, postgresql_url)
    forms.lock(engine, "hop-1", author="Chánh Văn phòng", made_at=NOW)
    incidents.acknowledge(engine, INCIDENT.id, by="Lan", at=NOW)
    assert forms.verify_chain(engine).whole
    engine.dispose()
    again = small("db", "copy", "--to", postgresql_url)
    assert again.status == 2
    assert "give an empty database" in again.err


@pytest.mark.parametrize(("url", "told"), [("nonsense", "URL cannot be read"), ("postgresql+pg8000:///x", "package pg8000")])
def test_a_database_that_cannot_be_is_refused_in_a_sentence(small: Center, url: str, told: str) -> None:
    for refused in (small("db", "copy", "--to", url), Center(small.folder.parent / "odd", small._capsys, url)("site", "list")):
        assert refused.status == 2
        assert told in refused.err
        assert refused.err.count("\n") == 1


def test_the_database_is_upgraded_and_verified(empty: Center) -> None:
    assert empty("db", "verify") == Typed(2, "", "control-center: database: unable to open database file\n")
    assert empty("db", "upgrade").status == 0
    assert empty("db", "verify") == Typed(0, "", "")


def test_a_backup_that_is_not_there_is_named(empty: Center) -> None:
    assert empty("db", "restore", "none.tar.gz") == Typed(2, "", "control-center: none.tar.gz: No such file or directory\n")
