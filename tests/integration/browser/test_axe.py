"""axe-core on every page of the board: no finding of weight for who uses a keyboard or a screen reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from control_center.store import accounts
from control_center.store.accounts import Role
from tests.integration.browser.test_form_walk import enter, meeting
from tests.integration.browser.test_looks import _trouble

pytestmark = [pytest.mark.timeout(240), pytest.mark.req("R6")]
__all__ = ["meeting"]

PAGES = (
    *("/", "/site/hoai-nhon", "/incidents", "/meetings", "/meetings/new", "/meeting/{meeting}", "/meeting/{meeting}/form?site=hoai-nhon"),
    *("/statistics", "/statistics/lines", "/devices", "/people", "/accounts", "/audit", "/password"),
)
SERIOUS = frozenset({"serious", "critical"})


def findings(page: Page) -> list[str]:
    """What axe complains of and how badly, with the element."""
    violations = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in violations if one["impact"] in SERIOUS for node in one["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(open_page: Callable[..., Page], hall: Any, meeting: str, scheme: str) -> None:
    _trouble(hall)
    accounts.change(hall.engine, "lanhdao", role=Role.ADMINISTRATOR)
    page = open_page("/login", color_scheme=scheme, bypass_csp=True)
    assert findings(page) == []
    enter(page, "lanhdao")
    page.wait_for_selector("body[data-stream=open]")
    trouble = {}
    for address in PAGES:
        page.goto(hall.url + address.format(meeting=meeting))
        if found := findings(page):
            trouble[address] = found
    assert trouble == {}


def test_axe_sees_what_it_is_there_to_see(open_page: Callable[..., Page]) -> None:
    page = open_page("/login", bypass_csp=True)
    page.set_content("<html lang=vi><title>x</title><main><h1>x</h1><button></button><p style='color:#ccc;background:#fff'>mờ</p></main>")
    assert {one.partition(":")[0] for one in findings(page)} >= {"button-name", "color-contrast"}
