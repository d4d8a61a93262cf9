"""The command line: ``control-center …``. Exit status: 0 all well, 1 faults found, 2 could not run."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias, TypeVar

from control_center import config
from control_center.meetings import plan
from control_center.meetings.working_days import VIETNAM

Run = Callable[[argparse.Namespace], int]
ReadT = TypeVar("ReadT")
COULD_NOT_RUN = 2
_ROLES = ("viewer", "operator", "leader", "administrator")
_NEEDS = ("projector", "video", "speech", "recording")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = parser().parse_args(arguments)
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 -- usage errors need no database library

    from control_center import commands, fleet, operations, paperwork, people, upkeep  # noqa: PLC0415

    try:
        run: Run = next(
            getattr(module, options.run)
            for module in (commands, fleet, operations, paperwork, people, upkeep)
            if hasattr(module, options.run)
        )
        return run(options)
    except commands.CommandError as error:
        for sentence in error.sentences:
            print(f"control-center: {sentence}", file=sys.stderr)
        return COULD_NOT_RUN
    except SQLAlchemyError as error:
        print(f"control-center: database: {str(getattr(error, 'orig', None) or error).splitlines()[0]}", file=sys.stderr)
        return COULD_NOT_RUN
    except BrokenPipeError:
        return 0


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help=f"default {config.DEFAULT_FILE}")
    top = argparse.ArgumentParser(prog="control-center", description="The control center of the province's video meetings.")
    top.add_argument("--config", type=Path, default=config.DEFAULT_FILE, metavar="FILE", help=argparse.SUPPRESS)
    verbs = top.add_subparsers(required=True, metavar="COMMAND")

    def add(group: Group, name: str, run: str, words: str) -> argparse.ArgumentParser:
        leaf = group.add_parser(name, help=words, description=words, parents=[common])
        leaf.set_defaults(run=run)
        return leaf

    def family(name: str, words: str) -> Group:
        return verbs.add_parser(name, help=words, description=words).add_subparsers(required=True, metavar="COMMAND")

    add(verbs, "run", "run", "run the center until SIGTERM")
    _sites(family("site", "register of sites"), add)
    _broker(family("broker", "the sites' broker where systemd runs it"), add)
    _meetings(family("meeting", "register of meetings"), add)
    _incidents(family("incident", "incidents"), add)
    _maintenance(family("maintenance", "planned work at sites, during which nobody is alarmed"), add)
    _limits(family("limits", "limits of the probes, for all sites or one, versioned"), add)
    form = add(verbs, "form", "form", "draw the logbook form (Phụ lục II) of a meeting")
    form.add_argument("meeting", metavar="MEETING")
    form.add_argument("--format", choices=("docx", "pdf", "html"), default="docx")
    form.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    signed = add(verbs, "signed", "signed", "take a locked form's PDF that came back signed, after checking it")
    signed.add_argument("meeting", metavar="MEETING")
    signed.add_argument("file", type=Path, metavar="FILE")
    signed.add_argument(
        "--root", type=Path, action="append", default=[], metavar="PEM", help="certificate that the signers' must descend from"
    )
    year = add(verbs, "statistics", "yearly", "count the meetings of a year")
    year.add_argument("year", type=int, metavar="YEAR")
    year.add_argument("--csv", action="store_true", help="the same as --format csv")
    year.add_argument("--format", choices=("table", "csv", "xlsx"), default="table")
    year.add_argument(
        "--column", action="append", default=[], metavar="NAME", help="once per column, in their order; a wrong name lists all"
    )
    year.add_argument("-o", "--output", type=Path, metavar="FILE")
    group = family("config", "the center's file")
    add(group, "check", "config_check", "read the file and say what is wrong with it")
    add(group, "sample", "config_sample", "print a commented sample")
    _users(family("user", "who may use the board"), add)
    _database(family("db", "the database and its backups"), add)
    return top


Group: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
_Add: TypeAlias = "Callable[[Group, str, str, str], argparse.ArgumentParser]"


def _sites(group: Group, add: _Add) -> None:
    add(group, "list", "site_list", "show the sites")
    take = add(group, "import", "site_import", "add or replace the sites of a TOML file")
    take.add_argument("file", type=Path, metavar="FILE")
    give = add(group, "export", "site_export", "print the sites as TOML")
    give.add_argument("-o", "--output", type=Path, metavar="FILE")
    one = add(group, "add", "site_add", "add or replace one site; makes its password file")
    one.add_argument("id", metavar="ID", help="a–z, 0–9 and hyphens")
    one.add_argument("--name", required=True)
    one.add_argument("--ssid", type=int, default=0, help="STAMP session identifier; the lowest free one by default")
    for name in ("unit", "address", "room", "host"):
        one.add_argument(f"--{name}", default="")

    ask = add(group, "health", "site_health", "ask the running center whether it hears a site's agent now: 0 yes, 1 no, 2 cannot ask")
    ask.add_argument("id", metavar="ID")
    ask.add_argument("--version", default="", metavar="V", help="the agent must be of this version")
    ask.add_argument("--since", type=instant, metavar="ISO", help="and have been started after this, by the center's clock")
    ask.add_argument("--wait", type=seconds, default=0.0, metavar="SECONDS", help="ask again until it is so, at most so long")
    ask.add_argument("--json", action="store_true", help="print what the center knows")


def _broker(group: Group, add: _Add) -> None:
    one = add(group, "write", "broker_write", "write acl, passwords and mosquitto.conf where they differ; prints which did")
    one.add_argument("folder", type=Path, metavar="FOLDER")
    one.add_argument("--sites-address", type=_address, required=True, metavar="ADDRESS", help="where the sites come to")
    one.add_argument("--sites-port", type=_port, default=8883, metavar="PORT")
    one.add_argument("--ca", type=Path, required=True, metavar="FILE", help="certificates that the sites' must descend from")
    one.add_argument("--cert", type=Path, required=True, metavar="FILE", help="the broker's own certificate")
    one.add_argument("--key", type=Path, required=True, metavar="FILE", help="its key")
    one.add_argument("--crl", type=Path, metavar="FILE", help="certificates that are revoked")
    one.add_argument("--center-port", type=_port, default=1884, metavar="PORT", help="where the center comes to, on the loopback")
    one.add_argument("--center-password-file", type=Path, required=True, metavar="FILE")
    one.add_argument("--check", action="store_true", help="write nothing, only say what would change")


def _meetings(group: Group, add: _Add) -> None:
    one = add(group, "add", "meeting_add", "register a meeting; prints its id")
    one.add_argument("--title", required=True)
    one.add_argument("--organizer", required=True)
    one.add_argument("--main", required=True, metavar="SITE")
    one.add_argument("--branch", action="append", default=[], metavar="SITE", help="once per branch site, in the order of the form")
    one.add_argument("--begins", required=True, type=instant, metavar="ISO", help="without a zone: Vietnam's")
    one.add_argument("--ends", required=True, type=instant, metavar="ISO")
    one.add_argument("--id", default="", metavar="ID")
    one.add_argument("--emergency", action="store_true", help="called at short notice: no rehearsal, checks begin at once")
    one.add_argument("--rehearsal-lead", type=_planned(plan.lead), metavar="1d|2h|30s", help="default 1d: one working day")
    one.add_argument("--rehearsal-length", type=_planned(plan.span), metavar="1h|30s", help="default 1h")
    one.add_argument("--no-rehearsal", action="store_true")
    one.add_argument("--precheck-lead", type=_planned(plan.lead), metavar="30m|20s", help="default 30m")
    one.add_argument("--wrap-up", type=_planned(plan.span), metavar="10m|60s", dest="wrap_up", help="default 10m")
    for name in ("place", "chair", "chair-position", "technician", "phone", "basis"):
        one.add_argument(f"--{name}", default="")
    one.add_argument("--need", action="append", default=[], choices=_NEEDS, help="point 8 of Phụ lục I; once per need")
    one.add_argument("--attendees", action="append", default=[], type=_of_site, metavar="SITE=NUMBER", help="people expected there")
    one.add_argument("--contact", action="append", default=[], type=_of_site, metavar="SITE=WORDS", help="whom to ask there")
    take = add(group, "import", "meeting_import", "register the meetings of a TOML or .ics file")
    take.add_argument("file", type=Path, metavar="FILE")
    take.add_argument("--organizer", default="", help="unit in charge, where an .ics does not tell it")
    take.add_argument("--main", default="", metavar="SITE", help="main site, likewise")
    take.add_argument("--branch", action="append", default=[], metavar="SITE", help="branch sites, likewise")
    show = add(group, "list", "meeting_list", "show meetings that are not over")
    show.add_argument("--all", action="store_true", help="past and cancelled ones too")
    _papers(group, add)
    one = add(group, "show", "meeting_show", "show one meeting with its plan, duties and contacts")
    one.add_argument("meeting", metavar="MEETING")


def _papers(group: Group, add: _Add) -> None:
    give = add(group, "export", "meeting_export", "a meeting as calendar, or its registration form (Phụ lục I)")
    give.add_argument("meeting", metavar="MEETING")
    give.add_argument("--format", choices=("ics", "docx", "pdf"), default="ics")
    give.add_argument("-o", "--output", type=Path, metavar="FILE")
    add(group, "duties", "meeting_duties", "what is to be done for registered meetings (articles 9, 12); 1 if something is overdue")
    one = add(group, "done", "meeting_done", "put down that a duty was done")
    one.add_argument("meeting", metavar="MEETING")
    one.add_argument("duty", choices=("confirm", "power"), help="confirmed to the unit; the power company was told")
    one.add_argument("--by", default="", metavar="NAME", help="who confirmed")
    one = add(group, "letter", "meeting_letter", "print the draft of a letter")
    one.add_argument("meeting", metavar="MEETING")
    one.add_argument("duty", choices=("confirm", "power"))


def _of_site(text: str) -> tuple[str, str]:
    """Read ``SITE=WORDS``."""
    site, given, words = text.partition("=")
    if not given or not site:
        raise argparse.ArgumentTypeError(f"{text!r} is not like SITE=WORDS")
    return site, words


def _incidents(group: Group, add: _Add) -> None:
    show = add(group, "list", "incident_list", "show incidents that last")
    show.add_argument("--all", action="store_true", help="those of the last 30 days, closed ones too")
    show.add_argument("--meeting", default="", metavar="MEETING", help="those of one meeting")
    show.add_argument("--json", action="store_true", help="one document a line")
    ack = add(group, "ack", "incident_ack", "put a name on an incident")
    ack.add_argument("incident", metavar="INCIDENT")
    ack.add_argument("--by", required=True, metavar="NAME")


def _maintenance(group: Group, add: _Add) -> None:
    one = add(group, "add", "maintenance_add", "plan work at a site; prints its number")
    one.add_argument("site", metavar="SITE")
    one.add_argument("--begins", required=True, type=instant, metavar="ISO", help="without a zone: Vietnam's")
    one.add_argument("--ends", required=True, type=instant, metavar="ISO")
    one.add_argument("--reason", required=True, help="what is done")
    one.add_argument("--by", required=True, metavar="NAME")
    add(group, "list", "maintenance_list", "show what is planned or going on")
    stop = add(group, "end", "maintenance_end", "end it before its time")
    stop.add_argument("number", type=int, metavar="NUMBER")


def _limits(group: Group, add: _Add) -> None:
    add(group, "keys", "limits_keys", "show all limits with default and range")
    show = add(group, "show", "limits_show", "show what holds, as TOML")
    show.add_argument("--site", default="", metavar="SITE", help="what this site is sent; default: what holds for all")
    take = add(group, "set", "limits_set", "take the limits of a TOML file, which replaces the version before")
    take.add_argument("file", type=Path, metavar="FILE", help="one table per probe; a key that is missing has its default")
    take.add_argument("--site", default="", metavar="SITE", help="for this site only, put over what holds for all")
    take.add_argument("--by", required=True, metavar="NAME")
    take.add_argument("--reason", required=True, help="why")
    add(group, "history", "limits_history", "show who changed what, when and why")
    undo = add(group, "undo", "limits_undo", "set again what a version says")
    undo.add_argument("number", type=int, metavar="NUMBER")
    undo.add_argument("--by", required=True, metavar="NAME")


def _users(group: Group, add: _Add) -> None:
    one = add(group, "add", "user_add", "make an account; the first one closes the board to everybody else")
    one.add_argument("name", metavar="NAME", help="for the login: a–z, 0–9, . _ -")
    one.add_argument("--shown", default="", metavar="WORDS", help="name as people read it")
    one.add_argument(
        "--role", choices=_ROLES, default=_ROLES[0], help="viewer looks, operator acts, leader confirms forms (default viewer)"
    )
    one.add_argument("--unit", default="", metavar="WORDS", help="may correct this unit's rows of forms only, as in the register")
    _password_file(one)
    add(group, "list", "user_list", "show the accounts")
    one = add(group, "password", "user_password", "give a new password; every session of the account ends")
    one.add_argument("name", metavar="NAME")
    _password_file(one)
    one = add(group, "role", "user_role", "give another role")
    one.add_argument("name", metavar="NAME")
    one.add_argument("role", choices=_ROLES)
    for name, words in (("block", "end an account's sessions, and let none begin"), ("free", "let them begin again")):
        add(group, name, f"user_{name}", words).add_argument("name", metavar="NAME")


def _password_file(leaf: argparse.ArgumentParser) -> None:
    leaf.add_argument("--password-file", type=Path, metavar="FILE", help="first line of this file; without it you are asked")


def _database(group: Group, add: _Add) -> None:
    add(group, "upgrade", "db_upgrade", "bring the tables to this version, after a backup")
    make = add(group, "backup", "db_backup", "database, identities, forms and configuration in one archive, while the center runs")
    make.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: in the folder backups of center.directory")
    make.add_argument("--keep", type=_days, default=0, metavar="DAYS", help="then remove older ones beside it, by the time in their name")
    add(group, "tidy", "db_tidy", "roll figures up to hours and forget old ones, as the running center does every night")
    back = add(group, "restore", "db_restore", "put an archive in the place of what is there, which is moved aside")
    back.add_argument("archive", type=Path, metavar="ARCHIVE")
    look = add(group, "verify", "db_verify", "say what is wrong with the database, or with an archive")
    look.add_argument("archive", type=Path, nargs="?", metavar="ARCHIVE")
    move = add(group, "copy", "db_copy", "copy all rows into an empty database: how to move to PostgreSQL")
    move.add_argument("--to", required=True, metavar="URL", help="like postgresql+psycopg:///diemcau?host=/run/postgresql")


def _days(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days, use 1 or more")
    return int(text)


def instant(text: str) -> datetime:
    """Read an ISO 8601 instant; without a zone it is Vietnam's."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 instant, like 2026-11-24T08:00") from None
    return read if read.tzinfo is not None else read.replace(tzinfo=VIETNAM)


def seconds(text: str) -> float:
    """Read a number of seconds, 0 or more, at most a day."""
    try:
        read = float(text)
    except ValueError:
        read = -1.0
    if not 0 <= read <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 to 86400")
    return read


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no TCP port, use 1–65535")
    return int(text)


def _address(text: str) -> str:
    """One word of ``mosquitto.conf``: an address or name, nothing that begins another line there."""
    if not re.fullmatch(r"[0-9A-Za-z.:%_-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no address or name to listen on")
    return text


def _planned(read: Callable[[str], ReadT]) -> Callable[[str], ReadT]:
    def reader(text: str) -> ReadT:
        try:
            return read(text)
        except plan.PlanError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return reader


if __name__ == "__main__":
    sys.exit(main())
