"""Turns views into HTML by Jinja2 with autoescape; what was painted once for a view is kept until the view changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from control_center.board import wording
from control_center.board.alerts import IncidentView
from control_center.board.views import TileView
from control_center.store.accounts import Account

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
_MOST_KEPT = 20_000


@lru_cache(maxsize=64)
def _fingerprint(name: str) -> str:
    """Changes with a static file's content, so that no browser keeps an old one after an upgrade."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    """Address of a static file."""
    return f"/static/{name}?v={_fingerprint(name)}"


def environment(user: Callable[[], Account | None] | None = None) -> jinja2.Environment:
    """Jinja2 that escapes everything and fails on a name that is not there; `user` tells the templates who asks."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(clock=wording.clock, stamp=wording.stamp, iso=_iso)
    env.globals.update(asset=asset, duty=wording.DUTY, user=user or (lambda: None))
    return env


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


class Painter:
    """Paints pages and their parts."""

    def __init__(self, user: Callable[[], Account | None] | None = None) -> None:
        self._env = environment(user)
        self._kept: dict[tuple[str, str], tuple[object, str]] = {}

    def page(self, template: str, **context: Any) -> str:
        """A whole page or any other template, painted anew."""
        return self._env.get_template(template).render(**context)

    def tile(self, tile: TileView) -> str:
        """One site's tile."""
        return self._once("_tile.html", tile.site, tile)

    def alert(self, alert: IncidentView) -> str:
        """One card of the alert panel."""
        return self._once("_alert.html", alert.id, alert)

    def tiles(self, tiles: Iterable[TileView]) -> str:
        """The whole wall, worst first."""
        return "".join(self.tile(tile) for tile in sorted(tiles, key=lambda tile: tile.sort))

    def _once(self, template: str, key: str, view: object) -> str:
        kept = self._kept.get((template, key))
        if kept is not None and kept[0] == view:
            return kept[1]
        html = self._env.get_template(template).render(view=view)
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[template, key] = (view, html)
        return html
