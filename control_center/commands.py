"""What each command of the command line does; every function returns the exit status."""

from __future__ import annotations

import argparse
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine

from contract.toml_file import ConfigError
from control_center import config, tables
from control_center.config import Configuration
from control_center.meetings import plan, registration, statistics
from control_center.meetings.working_days import VIETNAM
from control_center.sites import exchange, identities
from control_center.store import database, registry
from control_center.store import incidents as incident_store

SHOWN_DAYS = 30


class CommandError(Exception):
    """A command cannot run: sentences for the one who typed it."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = sentences


def no_meeting(meeting_id: str) -> CommandError:
    """Says that there is none."""
    return CommandError(f"no meeting {meeting_id!r}; see `control-center meeting list --all`")


def _now() -> datetime:
    return datetime.now(UTC)


def configuration_of(options: argparse.Namespace) -> Configuration:
    """The center's file that the one who typed means."""
    try:
        return config.load(options.config)
    except ConfigError as error:
        raise CommandError(str(error)) from None


def open_database(configuration: Configuration) -> Engine:
    """The database, made if there is none yet; an old one is upgraded by `run` or by hand only."""
    try:
        configuration.directory.mkdir(parents=True, exist_ok=True, mode=0o750)
        engine = database.open_store(configuration.directory, configuration.center.database)
        present, wanted = database.revisions(engine)
        if present is None:
            database.upgrade(engine, configuration.directory / "backups", _now())
        elif present != wanted:
            raise CommandError(f"the database is of migration {present}, this version wants {wanted}: run `control-center db upgrade`")
    except OSError as error:
        raise CommandError(f"{configuration.path}: center.directory: {configuration.directory}: {error.strerror}") from None
    except database.StoreError as error:
        raise CommandError(f"{configuration.path}: center.database: {error}") from None
    return engine


def store_of(options: argparse.Namespace) -> Engine:
    """The database of the file that the one who typed means."""
    return open_database(configuration_of(options))


def run(options: argparse.Namespace) -> int:
    """Run the center until it is told to stop."""
    from control_center import service  # noqa: PLC0415 -- the heavy half of the program

    try:
        return service.main(configuration_of(options))
    except service.StartError as error:
        raise CommandError(str(error)) from None


# Sites


def site_list(options: argparse.Namespace) -> int:
    """Show the sites."""
    engine = store_of(options)
    tables.sites(registry.sites(engine), registry.contacts(engine))
    return 0


def site_import(options: argparse.Namespace) -> int:
    """Take sites from a file, and give each an identity."""
    configuration = configuration_of(options)
    try:
        saved = exchange.import_file(open_database(configuration), options.file)
    except exchange.ExchangeError as error:
        raise CommandError(str(error)) from None
    identities.ensure(configuration.directory, (site.id for site in saved))
    for site in saved:
        print(f"{site.id}\tssid {site.ssid}\t{site.name}")
    return 0


def site_export(options: argparse.Namespace) -> int:
    """Give the sites out as a file."""
    engine = store_of(options)
    give(exchange.export_text(registry.sites(engine), registry.contacts(engine)).encode(), options.output)
    return 0


def site_add(options: argparse.Namespace) -> int:
    """Add one site."""
    configuration = configuration_of(options)
    wanted = {name: getattr(options, name) for name in ("id", "name", "ssid", "unit", "address", "room", "host")}
    try:
        site = registry.save_sites(open_database(configuration), [registry.Site(**wanted)])[0]
    except ValueError as error:
        raise CommandError(str(error)) from None
    identities.ensure(configuration.directory, [site.id])
    print(f"{site.id}\tssid {site.ssid}\t{identities.password_file(configuration.directory, site.id)}")
    return 0


# Meetings


def meeting_add(options: argparse.Namespace) -> int:
    """Register a meeting."""
    from control_center import paperwork  # noqa: PLC0415 -- it knows this file

    more = {name: getattr(options, name) for name in ("place", "chair", "chair_position", "technician", "phone", "basis")}
    more["needs"] = tuple(registry.Need(name) for name in options.need)
    record = register(
        store_of(options),
        title=options.title,
        organizer=options.organizer,
        main=options.main,
        branches=options.branch,
        begins_at=options.begins.astimezone(UTC),
        ends_at=options.ends.astimezone(UTC),
        meeting_id=options.id,
        emergency=options.emergency,
        leads=_leads(options),
        who_comes=paperwork.attendance(options),
        more=more,
    )
    print(f"{record.id}\t{record.title}")
    return 0


def _leads(options: argparse.Namespace) -> plan.Leads:
    given = {
        "rehearsal_lead": options.rehearsal_lead,
        "rehearsal_length": options.rehearsal_length,
        "precheck_lead": options.precheck_lead,
        "wrap_up_length": options.wrap_up,
    }
    return plan.Leads(rehearsal=not options.no_rehearsal, **{name: lead for name, lead in given.items() if lead is not None})


def register(engine: Engine, **wanted: Any) -> registry.MeetingRecord:
    """Register a meeting now; one that is late is said to be."""
    try:
        record = registration.register(engine, registered_at=_now(), **wanted)
    except registration.RefusedMeetingError as error:
        raise CommandError(*error.reasons) from None
    if record.late:
        print(f"control-center: {record.late}", file=sys.stderr)
    return record


class _ListedMeeting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[meeting]]`` of a file; times without a zone are Vietnam's."""

    title: str
    organizer: str
    main: str
    begins: datetime
    ends: datetime
    branches: tuple[str, ...] = ()
    id: str = ""
    emergency: bool = False
    place: str = ""
    chair: str = ""
    chair_position: str = ""
    technician: str = ""
    phone: str = ""
    basis: str = ""


class _MeetingFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    meeting: tuple[_ListedMeeting, ...]


def meeting_import(options: argparse.Namespace) -> int:
    """Register the meetings of a file, one after the other; stops at the first that cannot be held."""
    from control_center import paperwork  # noqa: PLC0415 -- it knows this file

    if options.file.suffix.lower() == ".ics":
        return paperwork.calendar_import(options)
    try:
        wanted = msgspec.convert(tomllib.loads(options.file.read_text(encoding="utf-8")), _MeetingFile)
    except OSError as error:
        raise CommandError(f"{options.file}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{options.file}: is not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise CommandError(f"{options.file}: {error}") from None
    engine = store_of(options)
    for one in wanted.meeting:
        fields = msgspec.structs.asdict(one)
        more = {name: fields.pop(name) for name in ("place", "chair", "chair_position", "technician", "phone", "basis")}
        times = {f"{name}_at": _vietnam(fields.pop(name)) for name in ("begins", "ends")}
        record = register(engine, meeting_id=fields.pop("id"), more=more, **times, **fields)
        print(f"{record.id}\t{record.title}")
    return 0


def _vietnam(moment: datetime) -> datetime:
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=VIETNAM)).astimezone(UTC)


def meeting_list(options: argparse.Namespace) -> int:
    """Show meetings."""
    engine = store_of(options)
    tables.meetings(registry.meetings(engine, ends_after=None if options.all else _now(), cancelled=options.all), _names(engine))
    return 0


def meeting_show(options: argparse.Namespace) -> int:
    """Show one meeting."""
    engine = store_of(options)
    record = registry.meeting(engine, options.meeting)
    if record is None:
        raise no_meeting(options.meeting)
    tables.meeting(record, _names(engine), _now())
    return 0


def _names(engine: Engine) -> dict[str, str]:
    return {site.id: site.name for site in registry.sites(engine)}


# Incidents


def incident_list(options: argparse.Namespace) -> int:
    """Show incidents."""
    engine = store_of(options)
    now = _now()
    if options.meeting:
        shown = incident_store.of_meeting(engine, options.meeting)
    elif options.all:
        shown = incident_store.between(engine, now - timedelta(days=SHOWN_DAYS), now)
    else:
        shown = [one for one in incident_store.lasting(engine) if one.alarmed]
    if options.json:
        for one in shown:
            print(msgspec.json.encode(one).decode())
    else:
        tables.incidents(shown, _names(engine))
    return 0


def incident_ack(options: argparse.Namespace) -> int:
    """Acknowledge an incident."""
    done = incident_store.acknowledge(store_of(options), options.incident, by=options.by, at=_now())
    if done is None:
        raise CommandError(f"no incident {options.incident!r}; see `control-center incident list --all`")
    print(f"{done.id}\t{done.acknowledged_by}")
    return 0


# Form and figures


def form(options: argparse.Namespace) -> int:
    """Draw the form of a meeting."""
    from control_center.logbook import UnknownMeetingError, files  # noqa: PLC0415 -- documents are heavy

    try:
        drawn = files.draw(store_of(options), options.meeting, options.format, _now())
    except UnknownMeetingError:
        raise no_meeting(options.meeting) from None
    give(drawn, options.output)
    return 0


def yearly(options: argparse.Namespace) -> int:
    """Count the meetings of a year."""
    columns = options.column or statistics.DEFAULT
    try:
        counted = statistics.of_year(store_of(options), options.year, columns)
    except ValueError as error:
        raise CommandError(str(error)) from None
    if options.format == "table" and not options.csv:
        tables.statistics(counted)
    else:
        from control_center.meetings import sheets  # noqa: PLC0415 -- heavy

        give(sheets.as_xlsx(counted) if options.format == "xlsx" else sheets.as_csv(counted), options.output)
    return 0


# Configuration


def config_check(options: argparse.Namespace) -> int:
    """Read the file."""
    print(f"{configuration_of(options).path}: ok")
    return 0


def config_sample(_options: argparse.Namespace) -> int:
    """Print a sample."""
    print(config.SAMPLE, end="")
    return 0


def give(content: bytes, output: Path | None) -> None:
    """Write a document whole or not at all; to standard output without a file."""
    if output is None:
        sys.stdout.buffer.write(content)
        return
    unfinished = output.with_name(output.name + ".part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(output)
    except OSError as error:
        raise CommandError(f"{output}: {error.strerror}") from None
