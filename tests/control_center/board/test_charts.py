"""Charts draw what was measured, break where nothing was, and say the same in words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from contract.messages import Figures, Rollup
from control_center.board.charts import Point, charts, runs, thinned
from control_center.store.figures import Stretch
from control_center.store.journal import FiguresRow

T = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIGURES = st.floats(allow_nan=True, allow_infinity=True) | st.none()


def rollup(figure: float | None, target: str = "mcu", metric: str = "link.rtt_ms", high: float | None = None) -> Rollup:
    return Rollup(
        metric=metric, unit="ms", count=60, target=target, minimum=figure, p50=figure, maximum=high if high is not None else figure
    )


def minutes(*rollups: Rollup | None) -> list[Stretch]:
    return [Stretch(T + n * MINUTE, T + (n + 1) * MINUTE, () if one is None else (one,)) for n, one in enumerate(rollups)]


def point(minute: int, high: float = 1.0) -> Point:
    return Point(begins_at=T + minute * MINUTE, ends_at=T + (minute + 1) * MINUTE, typical=1.0, low=0.0, high=high)


@pytest.mark.req("R10")
def test_a_line_is_broken_where_nothing_was_measured() -> None:
    (chart,) = charts(minutes(rollup(1.0), rollup(2.0), None, None, rollup(3.0), rollup(2.0)), T, T + 6 * MINUTE)
    assert chart.svg.count("<polyline") == 2
    assert chart.rows == (("MCU", "1\N{NO-BREAK SPACE}ms", "2\N{NO-BREAK SPACE}ms", "3\N{NO-BREAK SPACE}ms", "67 %"),)


@pytest.mark.req("R10")
def test_a_chart_says_in_words_what_it_draws() -> None:
    (chart,) = charts(minutes(rollup(1.0), rollup(5.0)), T, T + 2 * MINUTE)
    drawn = ET.fromstring(chart.svg)
    assert drawn.get("role") == "img"
    assert re.sub(r"\s", " ", drawn.get("aria-label") or "") == "Thời gian đi và về: MCU từ 1 ms đến 5 ms, trung vị 5 ms"


def test_no_peak_is_lost_by_thinning() -> None:
    points = [point(minute, high=99.0 if minute == 777 else 1.0) for minute in range(1440)]
    thin = thinned(points, T, T + timedelta(days=1))
    assert len(thin) == 240
    assert max(one.high for one in thin) == 99.0
    assert len(runs(thin)) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(FIGURES, FIGURES, st.text(max_size=5)), max_size=30))
def test_whatever_a_site_sends_the_drawing_is_well_formed_and_within_its_frame(told: list[tuple[float | None, float | None, str]]) -> None:
    stretches = minutes(*(rollup(figure, target=target, high=high) for figure, high, target in told))
    for chart in charts(stretches, T, T + timedelta(hours=1)):
        try:
            drawn = ET.fromstring(chart.svg)
        except ET.ParseError:
            assert any(not character.isprintable() for _, _, target in told for character in target)  # XML has no such letters
            continue
        for shape in drawn.iter():
            for place in (shape.get("points") or "").split():
                x, y = (float(part) for part in place.split(","))
                assert 0 <= x <= 720
                assert -1e-6 <= y <= 200.0001


def test_a_target_is_text_and_no_mark_up() -> None:
    (chart,) = charts(minutes(rollup(1.0, target='"><script>alert(1)</script>')), T, T + MINUTE)
    assert "<script" not in chart.svg


def _store(engine: Engine, site: str, at: datetime) -> None:
    told = Figures(begins_at=at, ends_at=at + MINUTE, rollups=(rollup(7.0),))
    with Session(engine) as session, session.begin():
        row = FiguresRow(site=site, boot="b", seq=1, time=at, begins_at=at, ends_at=told.ends_at, received_at=at)
        row.data = msgspec.json.encode(told).decode()
        session.add(row)


@pytest.mark.req("R10")
def test_the_page_of_a_site_shows_the_span_that_was_asked_for(client: Any, engine: Engine, now: datetime) -> None:
    _store(engine, "hoai-nhon", now - timedelta(hours=10))
    _store(engine, "an-lao", now - timedelta(minutes=5))
    assert "Chưa có số đo nào trong khoảng này" in client.get("/site/hoai-nhon").text
    assert '<svg class="chart"' in client.get("/site/hoai-nhon?hours=24").text
    assert '<svg class="chart"' in client.get("/site/an-lao?hours=1").text
    assert client.get("/site/an-lao?hours=999999999").status_code == 200
