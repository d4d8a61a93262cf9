"""Who may do what on the board: login, roles, throttling, the administrator's pages, the log."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from starlette.applications import Starlette

from control_center.board.app import create_app
from control_center.board.door import COOKIE, needed
from control_center.board.entering import Throttle, _inside
from control_center.live import Live
from control_center.store import accounts
from control_center.store.accounts import Account, Role

PASSWORD = "một mật khẩu dài"
OURS = {"sec-fetch-site": "same-origin"}


class Browser:
    """Keeps cookies, as a browser does."""

    def __init__(self, app: Starlette, address: str = "127.0.0.1") -> None:
        self._app, self._address, self.cookies = app, address, httpx.Cookies()

    def ask(self, method: str, path: str, **rest: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app, client=(self._address, 5000))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost", cookies=self.cookies) as client:
                answer = await client.request(method, path, **rest)
                self.cookies = client.cookies
                return answer

        return asyncio.run(go())

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)

    def post(self, path: str, **given: str) -> httpx.Response:
        return self.ask("POST", path, data=given, headers=OURS)

    def enter(self, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
        return self.post("/login", name=name, password=password, **more)


@pytest.fixture
def people(engine: Engine, now: Any) -> None:
    for role in Role:
        accounts.add(engine, Account(name=role.value[:5], shown=f"Cô {role.value}", role=role), PASSWORD, now)


@pytest.fixture
def browser(app: Starlette) -> Browser:
    return Browser(app)


def test_without_accounts_the_loopback_is_open_and_any_other_address_shows_nothing(live: Live, engine: Engine, browser: Browser) -> None:
    assert browser.get("/").status_code == 200
    closed = Browser(create_app(live, engine, open_without_accounts=False))
    for path in ("/", "/meetings", "/events", "/login"):
        answer = closed.get(path)
        assert answer.status_code == 503
        assert "control-center user add" in answer.text
    assert closed.post("/incidents/x/ack").status_code == 503


@pytest.mark.usefixtures("people")
def test_with_accounts_everybody_must_say_who_he_is(browser: Browser) -> None:
    answer = browser.get("/meetings")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/meetings")
    assert browser.get("/events").status_code == 401
    assert browser.post("/incidents/x/ack").status_code == 401
    assert browser.get("/login").status_code == 200
    assert browser.get("/static/board.css").status_code == 200


@pytest.mark.usefixtures("people")
def test_a_login_leads_to_the_page_that_was_asked_for_with_a_cookie_that_no_script_reads(browser: Browser) -> None:
    answer = browser.enter("viewe", next="/meetings")
    assert (answer.status_code, answer.headers["location"]) == (303, "/meetings")
    cookie = answer.headers["set-cookie"]
    assert COOKIE in cookie
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    page = browser.get("/meetings")
    assert page.status_code == 200
    assert "Cô viewer" in page.text


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(("name", "password"), [("viewe", "sai mật khẩu rồi"), ("nobody", PASSWORD), ("", ""), ("viewe", "x" * 3000)])
def test_a_wrong_login_says_the_same_whatever_was_wrong(browser: Browser, name: str, password: str) -> None:
    answer = browser.enter(name, password)
    assert answer.status_code == 401
    assert "Tên đăng nhập hoặc mật khẩu không đúng." in answer.text
    assert browser.get("/").status_code == 303


@pytest.mark.usefixtures("people")
def test_what_changes_needs_an_operator_and_accounts_an_administrator(app: Starlette, incident: Any, live: Live) -> None:
    live.tell_incident(incident(id="i1"))
    expected = {"viewe": (403, 403), "opera": (204, 403), "leade": (204, 403), "admin": (204, 200)}
    for name, (acknowledge, pages) in expected.items():
        browser = Browser(app)
        browser.enter(name)
        answer = browser.ask("POST", "/incidents/i1/ack", headers={**OURS, "x-requested-by": "board"}, data={"by": "kẻ khác"})
        assert answer.status_code in {acknowledge, 404}, "the store has no such incident; the door has let it pass"
        assert (answer.status_code == 403) == (acknowledge == 403)
        assert {browser.get(path).status_code for path in ("/accounts", "/audit")} == {pages}


@pytest.mark.usefixtures("people")
def test_whoever_acknowledges_is_the_one_who_logged_in_whatever_the_form_says(live: Live, engine: Engine, incident: Any, now: Any) -> None:
    said: list[str] = []

    async def acknowledge(_incident: str, by: str, _at: Any) -> Any:
        said.append(by)
        return incident(id="i1")

    browser = Browser(create_app(live, engine, clock=lambda: now, acknowledge=acknowledge))
    browser.enter("opera")
    browser.post("/incidents/i1/ack", by="kẻ khác")
    assert said == ["Cô operator"]


@pytest.mark.usefixtures("people")
def test_logout_ends_the_session_at_the_center_too(browser: Browser) -> None:
    browser.enter("viewe")
    kept = httpx.Cookies(browser.cookies)
    assert browser.post("/logout").status_code == 303
    browser.cookies = kept
    assert browser.get("/").status_code == 303


@pytest.mark.usefixtures("people")
def test_five_wrong_passwords_make_a_name_wait_and_nobody_else(browser: Browser, app: Starlette) -> None:
    for _ in range(5):
        assert browser.enter("viewe", "sai mật khẩu rồi").status_code == 401
    answer = browser.enter("viewe")
    assert answer.status_code == 429
    assert "thử lại sau 15 phút" in answer.text
    assert Browser(app).enter("opera").status_code == 303


def test_an_address_that_tries_many_names_waits_too(
    browser: Browser, people: None, monkeypatch: pytest.MonkeyPatch, app: Starlette
) -> None:
    monkeypatch.setattr(accounts, "verify", lambda *_: None)
    for count in range(30):
        assert browser.enter(f"ten{count}").status_code == 401
    assert browser.enter("ten99").status_code == 429
    assert Browser(app, "10.9.9.9").enter("ten99").status_code == 401


@given(st.lists(st.integers(0, 3000), min_size=0, max_size=20))
def test_the_wait_ends_when_the_oldest_failure_is_forgotten(seconds: list[int]) -> None:
    from tests.control_center.board.conftest import NOW

    throttle, moments = Throttle(5), sorted(NOW + timedelta(seconds=each) for each in seconds)
    for at in moments:
        throttle.fail("a", at)
    wait = throttle.waits("a", moments[-1]) if moments else timedelta()
    assert (wait > timedelta()) == (len(moments) >= 5 and moments[-1] - moments[-5] < timedelta(minutes=15))
    throttle.succeed("a")
    assert not throttle.waits("a", NOW)


@pytest.mark.usefixtures("people")
def test_the_administrator_makes_changes_blocks_and_the_log_tells_of_it(browser: Browser, engine: Engine, app: Starlette) -> None:
    browser.enter("admin")
    assert browser.post("/accounts", name="hung", shown="Trần Hùng", role="viewer", password=PASSWORD).status_code == 303
    guest = Browser(app)
    guest.enter("hung")
    assert guest.get("/").status_code == 200
    assert browser.post("/accounts/hung", act="role", role="leader").status_code == 303
    assert browser.post("/accounts/hung", act="block").status_code == 303
    assert guest.get("/").status_code == 303
    assert browser.post("/accounts/hung", act="free").status_code == 303
    assert browser.post("/accounts/hung", act="password", password="mật khẩu khác hẳn").status_code == 303
    (hung,) = [one for one in accounts.accounts(engine) if one.name == "hung"]
    assert (hung.shown, hung.role, hung.active) == ("Trần Hùng", Role.LEADER, True)
    page = browser.get("/audit").text
    assert page.index("POST /accounts/hung") < page.index("login")
    assert "khác hẳn" not in page, "no secret is in the log"


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("path", "given", "why"),
    [
        ("/accounts", {"name": "Có dấu", "role": "viewer", "password": PASSWORD}, "Tên đăng nhập gồm"),
        ("/accounts", {"name": "hung", "role": "king", "password": PASSWORD}, "Không có vai trò đó"),
        ("/accounts", {"name": "hung", "role": "viewer", "password": "ngắn"}, "Mật khẩu dài từ"),
        ("/accounts/admin", {"act": "block"}, "Phải còn ít nhất một quản trị viên"),
        ("/accounts/nobody", {"act": "block"}, "Không có tài khoản"),
        ("/accounts/admin", {"act": "fly"}, "Không rõ cần làm gì"),
    ],
)
def test_what_the_administrator_cannot_do_is_said_on_the_page(browser: Browser, path: str, given: dict[str, str], why: str) -> None:
    browser.enter("admin")
    answer = browser.post(path, **given)
    assert answer.status_code == 400
    assert why in answer.text


@pytest.mark.usefixtures("people")
def test_ones_own_password_needs_the_old_one_and_ends_every_session(browser: Browser) -> None:
    browser.enter("viewe")
    new = "mật khẩu khác hẳn"
    assert browser.post("/password", old="sai", new=new, again=new).status_code == 401
    assert browser.post("/password", old=PASSWORD, new=new, again=new + "x").status_code == 400
    assert browser.post("/password", old=PASSWORD, new="ngắn", again="ngắn").status_code == 400
    assert browser.post("/password", old=PASSWORD, new=new, again=new).status_code == 303
    assert browser.get("/").status_code == 303
    assert browser.enter("viewe", new).status_code == 303


@pytest.mark.usefixtures("people")
def test_a_foreign_page_cannot_log_anybody_in_or_out(browser: Browser) -> None:
    for path in ("/login", "/logout"):
        answer = browser.ask("POST", path, data={"name": "viewe", "password": PASSWORD}, headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 403


@pytest.mark.usefixtures("people")
def test_the_machine_itself_may_ask_for_a_sites_health_and_nobody_else_without_a_session(app: Starlette) -> None:
    assert Browser(app).get("/api/site/so-tttt").status_code == 200
    assert Browser(app, "10.9.9.9").get("/api/site/so-tttt").status_code == 401


@pytest.mark.parametrize(
    ("asked", "given"),
    [("/meetings", "/meetings"), ("//evil.example", "/"), ("/\\evil", "/"), ("https://evil.example", "/"), ("", "/"), ("/login", "/")],
)
def test_a_login_never_leads_away(asked: str, given: str) -> None:
    assert _inside(asked) == given


@given(st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]), st.text("abc/", max_size=12).map("/".__add__))
def test_no_page_is_free_that_was_not_meant_to_be(method: str, path: str) -> None:
    least = needed(method, path)
    assert least is not None
    assert least.rank >= (Role.VIEWER.rank if method in {"GET", "HEAD"} else Role.OPERATOR.rank)


def test_roles_are_ordered() -> None:
    assert [role.rank for role in (Role.VIEWER, Role.OPERATOR, Role.LEADER, Role.ADMINISTRATOR)] == [0, 1, 2, 3]


@pytest.mark.usefixtures("people")
def test_an_open_page_ends_with_its_session(app: Starlette, engine: Engine, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("control_center.board.app.ASK_AGAIN_S", 0.0)
    browser.enter("viewe")
    heard: list[bytes] = []

    async def look() -> None:
        async def receive() -> dict[str, Any]:
            await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            heard.append(message.get("body", b""))
            if len(heard) == 5:
                accounts.change(engine, "viewe", active=False)

        cookie = f"{COOKIE}={browser.cookies[COOKIE]}".encode()
        scope = {"type": "http", "method": "GET", "path": "/events", "raw_path": b"/events", "query_string": b"", "root_path": ""}
        headers = [(b"host", b"localhost"), (b"cookie", cookie)]
        await app({**scope, "headers": headers, "client": ("127.0.0.1", 5000), "scheme": "http"}, receive, send)

    asyncio.run(asyncio.wait_for(look(), 30))
    assert 5 <= len(heard) <= 8, "it ended by itself, soon after the account was blocked"
