"""Commands about the database and its backups."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from control_center import housekeeping
from control_center.commands import CommandError, configuration_of, open_database
from control_center.config import Configuration
from control_center.store import archive, copying, database, tenancy
from control_center.version import version


def _now() -> datetime:
    return datetime.now(UTC)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """What cannot be done, in a sentence."""
    try:
        yield
    except database.StoreError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename or 'database'}: {error.strerror}") from None


def _origin(configuration: Configuration) -> archive.Origin:
    return archive.Origin(directory=configuration.directory, url=configuration.center.database, version=version())


def db_upgrade(options: argparse.Namespace) -> int:
    """Bring the tables to this version; where they are already, a running center is no hindrance."""
    configuration = configuration_of(options)
    with _refusals(), contextlib.ExitStack() as stack:
        configuration.directory.mkdir(parents=True, exist_ok=True, mode=0o750)
        engine = database.open_store(configuration.directory, configuration.center.database)
        stack.callback(engine.dispose)
        present, wanted = database.revisions(engine)
        if present != wanted:
            stack.enter_context(tenancy.alone(configuration.directory))
        made = database.upgrade(engine, configuration.directory / archive.BACKUPS, _now())
    print(f"migration {wanted}" + (f", backup {made}" if made else ""))
    return 0


def db_tidy(options: argparse.Namespace) -> int:
    """Roll figures up and forget old ones now; the center may run."""
    configuration = configuration_of(options)
    engine = open_database(configuration)
    done = housekeeping.tidy(engine, configuration.retention, _now())
    engine.dispose()
    print(f"{done.minutes} minutes rolled up to {done.hours} hours, {done.forgotten} old hours forgotten")
    return 0


def db_backup(options: argparse.Namespace) -> int:
    """Make a whole backup."""
    configuration, now = configuration_of(options), _now()
    open_database(configuration).dispose()
    target = options.output or archive.default_target(configuration.directory, now)
    with _refusals():
        print(archive.write(_origin(configuration), _beside(configuration), target, now))
        for gone in archive.prune(target.parent, days=options.keep, at=now) if options.keep else []:
            print(f"removed {gone}")
    return 0


def _beside(configuration: Configuration) -> dict[str, Path]:
    """The center's file and those that it names, by their name in the archive; what we may not read is not ours to keep."""
    broker = configuration.broker
    named = [Path(path) for path in (broker.password_file, broker.ca, broker.cert, broker.key) if path]
    files = {"control-center.toml": configuration.path} | {f"broker/{path.name}": path for path in named}
    return {f"configuration/{name}": path for name, path in files.items() if _readable(path)}


def _readable(path: Path) -> bool:
    try:
        path.open("rb").close()
    except OSError:
        return False
    return True


def db_restore(options: argparse.Namespace) -> int:
    """Put a backup in the place of what is there."""
    configuration = configuration_of(options)
    with _refusals(), tenancy.alone(configuration.directory):
        aside = archive.restore(options.archive, _origin(configuration), _now())
    print(f"restored into {configuration.directory}" + (f"; what was there lies in {aside}" if aside else ""))
    restored = configuration.directory / archive.RESTORED
    if restored.exists():
        print(f"the configuration of the backup lies in {restored}; compare it with {configuration.path}")
    return 0


def db_verify(options: argparse.Namespace) -> int:
    """Say what is wrong with the database, or with a backup."""
    if options.archive is not None:
        with _refusals():
            about = archive.check(options.archive)
        print(f"{options.archive}: whole, of {about.made_at:%Y-%m-%dT%H:%M:%S%z}, version {about.version}, migration {about.migration}")
        return 0
    configuration = configuration_of(options)
    with _refusals():
        faults = database.verify(database.open_store(configuration.directory, configuration.center.database))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def db_copy(options: argparse.Namespace) -> int:
    """Copy the database into another, of whatever kind."""
    configuration = configuration_of(options)
    with _refusals(), tenancy.alone(configuration.directory):
        try:
            shown = make_url(options.to).render_as_string(hide_password=True)
        except ArgumentError:
            shown = ""  # open_store says what is wrong
        source, target = open_database(configuration), database.open_store(configuration.directory, options.to)
        try:
            counts = copying.copy(source, target, _now())
        finally:
            source.dispose()
            target.dispose()
    for table, rows in counts.items():
        print(f"{rows}\t{table}")
    print(f"all rows are in {shown}; now set center.database in {configuration.path} to that URL and start the center")
    return 0
