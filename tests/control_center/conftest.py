"""A database of its own for each test that asks for one: SQLite, and where it matters a real PostgreSQL too."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from control_center.store import database

AT = datetime(2026, 11, 2, tzinfo=UTC)
UNPRIVILEGED = "nobody"
"""As whom PostgreSQL runs when the tests run as root, which it refuses."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = database.open_store(tmp_path)
    database.upgrade(opened, tmp_path / "backups", AT)
    yield opened
    opened.dispose()


class Cluster:
    """A PostgreSQL of our own in a folder, heard through a socket there: no port, no password, nothing durable."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        self._numbers = itertools.count(1)
        self._as = UNPRIVILEGED if os.geteuid() == 0 else None
        if self._as:
            account = pwd.getpwnam(self._as)
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "--username=test", "--auth=trust", "--no-sync", "--encoding=UTF8", "--no-locale")
        self.start()

    def start(self) -> None:
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={self._folder} -c fsync=off -c full_page_writes=off -c timezone=Asia/Tokyo"
        )
        self._run("pg_ctl", "-w", "-t", "60", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-t", "60", "-m", "immediate", "stop")

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://test@/{name}?host={self._folder}"

    def make(self, template: str = "template1") -> str:
        """URL of a new database."""
        name = f"made_{next(self._numbers)}"
        server = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        server.dispose()
        return self.url(name)

    def _run(self, program: str, *arguments: str) -> None:
        line = [str(self._programs / program), "-D", str(self._folder / "data"), *arguments]
        with (self._folder / "said").open("ab") as said:
            done = subprocess.run(line, user=self._as, cwd=self._folder, stdout=said, stderr=said, timeout=90, check=False)
        assert done.returncode == 0, (self._folder / "said").read_text(errors="replace")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running PostgreSQL."""
    found = shutil.which("initdb") or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), ""
    )
    if not found:
        pytest.skip("PostgreSQL is not installed: apt install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="diemcau-pg-", dir="/tmp"))  # short: the path of a socket has 107 bytes at most
    try:
        made = Cluster(Path(found).resolve().parent, folder)
        yield made
        made.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def _template(cluster: Cluster) -> str:
    """Name of a database with our tables, to be copied."""
    url = cluster.make()
    made = database.open_store(Path(), url)
    database.upgrade(made, Path(), AT)
    made.dispose()
    return url.partition("@/")[2].partition("?")[0]


@pytest.fixture
def postgresql_url(cluster: Cluster, _template: str) -> str:
    """URL of a database of the test's own on a real PostgreSQL, with empty tables."""
    return cluster.make(_template)


@pytest.fixture(params=["sqlite", "postgresql"])
def each_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """The store, once in each database that it can be moved to."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    opened = database.open_store(tmp_path, url)
    database.upgrade(opened, tmp_path / "backups", AT)
    yield opened
    opened.dispose()
