"""Commands about the board's accounts; the first administrator is made here, at the machine itself."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from control_center.commands import CommandError, store_of
from control_center.store import accounts
from control_center.store.accounts import Account, AccountError, Note, Role

Act = Callable[[Engine], object]


def user_add(options: argparse.Namespace) -> int:
    """Make an account."""
    made = Account(name=options.name, shown=options.shown or options.name, role=Role(options.role), unit=options.unit)
    return _done(options, lambda engine: accounts.add(engine, made, _password(options), datetime.now(UTC)))


def user_list(options: argparse.Namespace) -> int:
    """Show the accounts."""
    for one in accounts.accounts(store_of(options)):
        print(f"{one.name}\t{one.role}\t{'active' if one.active else 'blocked'}\t{one.shown}\t{one.unit}")
    return 0


def user_password(options: argparse.Namespace) -> int:
    """Give a new password."""
    return _done(options, lambda engine: accounts.set_password(engine, options.name, _password(options)))


def user_role(options: argparse.Namespace) -> int:
    """Give another role."""
    return _done(options, lambda engine: accounts.change(engine, options.name, role=Role(options.role)))


def user_block(options: argparse.Namespace) -> int:
    """End every session, and let none begin."""
    return _done(options, lambda engine: accounts.change(engine, options.name, active=False))


def user_free(options: argparse.Namespace) -> int:
    """Let sessions begin again."""
    return _done(options, lambda engine: accounts.change(engine, options.name, active=True))


def _done(options: argparse.Namespace, act: Act) -> int:
    engine = store_of(options)
    try:
        act(engine)
    except AccountError as error:
        raise CommandError(str(error)) from None
    action = f"{options.run} {options.name}"
    accounts.note(engine, Note(at=datetime.now(UTC), account=f"{getpass.getuser()} (terminal)", action=action, result="ok"))
    return 0


def _password(options: argparse.Namespace) -> str:
    """From a file, or from whoever sits at the terminal, twice; never from the command line, which others can read."""
    path: Path | None = options.password_file
    if path is not None:
        try:
            return path.read_text(encoding="utf-8").partition("\n")[0]
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: {getattr(error, 'strerror', None) or 'is not UTF-8'}") from None
    if not sys.stdin.isatty():
        raise CommandError("no terminal to ask for the password; use --password-file")
    first, second = getpass.getpass("Mật khẩu: "), getpass.getpass("Nhập lại: ")
    if first != second:
        raise CommandError("hai lần nhập không giống nhau")
    return first
