"""Commands of the papers around a meeting: calendars, the registration form, the duties of articles 9 and 12."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from control_center import commands, tables
from control_center.commands import CommandError
from control_center.meetings import calendars, duties
from control_center.meetings.registration import Attendance
from control_center.store import maintenance, registry
from control_center.store.maintenance import Maintenance


def attendance(options: argparse.Namespace) -> dict[str, Attendance]:
    """Who comes where, from ``--attendees SITE=NUMBER`` and ``--contact SITE=WORDS``."""
    people, contact = dict(options.attendees), dict(options.contact)
    faulty = [site for site, number in people.items() if not (number.isascii() and number.isdigit() and len(number) < 7)]
    if faulty:
        raise CommandError(*(f"--attendees {site}={people[site]}: a number of people is needed" for site in faulty))
    return {site: Attendance(int(people[site]) if site in people else None, contact.get(site, "")) for site in [*people, *contact]}


def calendar_import(options: argparse.Namespace) -> int:
    """Register the meetings of an .ics file; what a calendar does not tell is given by options."""
    try:
        content = options.file.read_bytes()
    except OSError as error:
        raise CommandError(f"{options.file}: cannot be read: {error.strerror}") from None
    engine = commands.store_of(options)
    try:
        invitations = calendars.read(content, {site.id: site for site in registry.sites(engine)})
    except calendars.CalendarError as error:
        raise CommandError(f"{options.file}: {error}") from None
    for one in invitations:
        main = options.main or one.main
        record = commands.register(
            engine,
            title=one.title,
            organizer=options.organizer or one.organizer,
            main=main,
            branches=[site for site in (options.branch or one.branches) if site != main],
            begins_at=one.begins_at,
            ends_at=one.ends_at,
            emergency=one.emergency,
            who_comes=one.who_comes,
            more=one.more,
        )
        print(f"{record.id}\t{record.title}")
    return 0


def meeting_export(options: argparse.Namespace) -> int:
    """Give a meeting out as .ics, or its registration form (Phụ lục I) as DOCX or PDF."""
    from control_center.meetings import papers  # noqa: PLC0415 -- documents are heavy

    configuration = commands.configuration_of(options)
    engine = commands.open_database(configuration)
    made = papers.make(engine, options.meeting, options.format, configuration.names, datetime.now(UTC))
    if made is None:
        raise commands.no_meeting(options.meeting)
    commands.give(made, options.output)
    return 0


def meeting_done(options: argparse.Namespace) -> int:
    """Put down that a duty was done."""
    try:
        record = duties.done(commands.store_of(options), options.meeting, duties.Kind(options.duty), at=datetime.now(UTC), by=options.by)
    except LookupError:
        raise commands.no_meeting(options.meeting) from None
    except duties.DutyError as error:
        raise CommandError(str(error)) from None
    print(f"{record.id}\t{record.title}")
    return 0


def signed(options: argparse.Namespace) -> int:
    """Take a signed form: checked, then kept beside the form's own files."""
    from control_center.logbook import files  # noqa: PLC0415 -- documents are heavy
    from control_center.logbook import signed as signatures  # noqa: PLC0415
    from control_center.store import forms  # noqa: PLC0415

    configuration = commands.configuration_of(options)
    engine = commands.open_database(configuration)
    last = forms.latest(engine, options.meeting)
    if last is None or last.state is not forms.FormState.LOCKED:
        raise CommandError(f"the form of {options.meeting!r} is not locked; only a locked form is signed")
    try:
        content, roots = options.file.read_bytes(), [one.read_bytes() for one in options.root]
    except OSError as error:
        raise CommandError(f"{error.filename}: cannot be read: {error.strerror}") from None
    try:
        found = signatures.check(content, files.FORMATS["pdf"](last.document), roots)
    except (signatures.SignatureError, ValueError) as error:
        raise CommandError(f"{options.file}: {error}") from None
    path = files.signed_file(configuration.directory, options.meeting)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
    for one in found:
        who = {None: "chưa đối chiếu tổ chức cấp chứng thư", True: "chứng thư được tin cậy", False: ""}[one.trusted]
        print(f"{one.signer}\t{tables.moment(one.signed_at)}\t{who}")
    return 0


def maintenance_add(options: argparse.Namespace) -> int:
    """Plan work at a site."""
    begins_at, ends_at = options.begins.astimezone(UTC), options.ends.astimezone(UTC)
    wanted = Maintenance(site=options.site, begins_at=begins_at, ends_at=ends_at, reason=options.reason, author=options.by)
    try:
        planned = maintenance.plan(commands.store_of(options), wanted)
    except ValueError as error:
        raise CommandError(str(error)) from None
    print(f"{planned.id}\t{planned.site}\t{planned.reason}")
    return 0


def maintenance_list(options: argparse.Namespace) -> int:
    """Show what is planned or going on."""
    for one in maintenance.windows(commands.store_of(options), ends_after=datetime.now(UTC)):
        print(f"{one.id}\t{one.site}\t{tables.moment(one.begins_at)} – {tables.moment(one.ends_at)}\t{one.reason}\t{one.author}")
    return 0


def maintenance_end(options: argparse.Namespace) -> int:
    """End work before its time."""
    ended = maintenance.end(commands.store_of(options), options.number, datetime.now(UTC))
    if ended is None:
        raise CommandError(f"no planned work {options.number}; see `control-center maintenance list`")
    print(f"{ended.id}\t{ended.site}\t{tables.moment(ended.ends_at)}")
    return 0


def meeting_duties(options: argparse.Namespace) -> int:
    """Show what is to be done, the overdue first; 1 if something is."""
    now = datetime.now(UTC)
    waiting = duties.waiting(registry.meetings(commands.store_of(options)), now)
    tables.duties(waiting, now)
    return int(any(duty.overdue(now) for _, duty in waiting))


def meeting_letter(options: argparse.Namespace) -> int:
    """Print the draft of the letter that a duty asks for."""
    configuration = commands.configuration_of(options)
    engine = commands.open_database(configuration)
    record = registry.meeting(engine, options.meeting)
    if record is None:
        raise commands.no_meeting(options.meeting)
    print(duties.draft(duties.Kind(options.duty), record, {site.id: site for site in registry.sites(engine)}, configuration.names))
    return 0
