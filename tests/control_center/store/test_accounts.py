"""Accounts, sessions and the log, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from control_center.store import accounts
from control_center.store.accounts import IDLE, LONGEST_SESSION, Account, AccountError, Note, Role
from control_center.store.base import Base

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
PASSWORD = "một mật khẩu dài"


@pytest.fixture(autouse=True)
def _tables(engine: Engine) -> None:
    Base.metadata.create_all(engine)


def somebody(engine: Engine, name: str = "lan", role: Role = Role.ADMINISTRATOR) -> Account:
    return accounts.add(engine, Account(name=name, shown="Nguyễn Thị Lan", role=role), PASSWORD, NOW)


def test_an_account_is_known_by_its_password_only_and_the_password_is_nowhere(engine: Engine) -> None:
    assert not accounts.exist(engine)
    made = somebody(engine)
    assert accounts.exist(engine)
    assert accounts.verify(engine, "lan", PASSWORD) == made
    assert accounts.verify(engine, "lan", PASSWORD + "x") is None
    assert accounts.verify(engine, "nobody", PASSWORD) is None
    with engine.connect() as connection:
        (stored,) = connection.execute(text("SELECT password_hash FROM accounts")).one()
    assert stored.startswith("$argon2id$")


@pytest.mark.parametrize(
    ("name", "password", "why"),
    [
        ("Lan Anh", PASSWORD, "tên đăng nhập"),
        ("", PASSWORD, "tên đăng nhập"),
        ("lan", "ngắn", "mật khẩu dài từ"),
        ("lan", "x" * 201, "mật khẩu dài từ"),
        ("lan", "xin chao lan nhe", "không được chứa"),
        ("lan", "aaaaaaaaaaaa", "ký tự khác nhau"),
    ],
)
def test_what_cannot_be_an_account_is_refused_with_a_reason(engine: Engine, name: str, password: str, why: str) -> None:
    with pytest.raises(AccountError, match=why):
        accounts.add(engine, Account(name=name, shown="", role=Role.VIEWER), password, NOW)
    assert accounts.accounts(engine) == []


def test_a_name_is_taken_once(engine: Engine) -> None:
    somebody(engine)
    with pytest.raises(AccountError, match="đã có"):
        somebody(engine)


def test_a_session_lasts_while_it_is_used_and_not_for_ever(engine: Engine) -> None:
    made = somebody(engine)
    secret = accounts.open_session(engine, "lan", NOW)
    at = NOW
    while at < NOW + LONGEST_SESSION - IDLE:
        at += IDLE - timedelta(hours=1)
        assert accounts.of_session(engine, secret, at) == made
    assert accounts.of_session(engine, secret, NOW + LONGEST_SESSION + timedelta(seconds=1)) is None
    other = accounts.open_session(engine, "lan", NOW)
    assert accounts.of_session(engine, other, NOW + IDLE + timedelta(seconds=1)) is None
    assert accounts.of_session(engine, "made up", NOW) is None


def test_what_the_database_holds_opens_no_session(engine: Engine) -> None:
    somebody(engine)
    secret = accounts.open_session(engine, "lan", NOW)
    with engine.connect() as connection:
        (digest,) = connection.execute(text("SELECT digest FROM sessions")).one()
    assert secret not in digest
    assert accounts.of_session(engine, digest, NOW) is None


def test_logout_block_and_a_new_password_end_sessions_at_once(engine: Engine) -> None:
    somebody(engine)
    somebody(engine, "hung", Role.OPERATOR)

    def opened() -> str:
        return accounts.open_session(engine, "hung", NOW)

    secret = opened()
    accounts.close_session(engine, secret)
    assert accounts.of_session(engine, secret, NOW) is None
    secret = opened()
    accounts.change(engine, "hung", active=False)
    assert accounts.of_session(engine, secret, NOW) is None
    assert accounts.verify(engine, "hung", PASSWORD) is None
    accounts.change(engine, "hung", active=True)
    secret = opened()
    accounts.set_password(engine, "hung", "mật khẩu khác hẳn")
    assert accounts.of_session(engine, secret, NOW) is None
    assert accounts.verify(engine, "hung", "mật khẩu khác hẳn") is not None


def test_the_last_administrator_stays(engine: Engine) -> None:
    somebody(engine)
    for changed in ({"role": Role.VIEWER}, {"active": False}):
        with pytest.raises(AccountError, match="ít nhất một quản trị viên"):
            accounts.change(engine, "lan", **changed)
    somebody(engine, "hung")
    assert accounts.change(engine, "lan", role=Role.VIEWER).role is Role.VIEWER


def test_the_log_holds_what_was_done_the_latest_first(engine: Engine) -> None:
    for count in range(3):
        accounts.note(engine, Note(at=NOW + timedelta(seconds=count), account="lan", action=f"POST /{count}\0", result="204"))
    assert [line.action for line in accounts.notes(engine, 2)] == ["POST /2", "POST /1"]
