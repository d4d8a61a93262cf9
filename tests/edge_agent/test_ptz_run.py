"""A real ``edge-agent run`` beside a camera that can be turned: toured before the meeting, left alone in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from contract import topics
from contract.meetings import Meeting, Participation, Phase, Plan, Role, Window
from contract.messages import Agenda, CheckDone, Command
from tests.probes.camera.ptz_cameras import ViscaStub

MakeAgent = Callable[..., Any]
CAMERA = """
[camera]
source = "{source}"
hd_required = false
[camera.ptz]
protocol = "visca"
host = "127.0.0.1"
port = {port}
presets = [{{name = "Toàn cảnh", key = "1"}}, {{name = "Chủ tọa", key = "2"}}]
[limits.camera]
ptz_move_s = 1.5
ptz_answer_s = 0.3
"""


@pytest.fixture
def camera() -> Iterator[ViscaStub]:
    stub = ViscaStub()
    yield stub
    stub.close()


def send_agenda(broker: Any, phase: Phase) -> None:
    """A meeting that is in `phase` now."""
    now, hour = datetime.now(UTC), timedelta(hours=1)
    order = (Phase.REHEARSAL, Phase.PRECHECK, Phase.LIVE, Phase.WRAP_UP)
    first = now - hour * order.index(phase) - timedelta(minutes=1)
    windows = {each.value: Window(begins_at=first + hour * n, ends_at=first + hour * (n + 1)) for n, each in enumerate(order)}
    who = (Participation(site="thu", role=Role.BRANCH),)
    meeting = Meeting(id="m1", title="Họp thử", organizer="UBND", plan=Plan(**windows), participations=who)
    broker.send(topics.agenda("thu"), Agenda(issued_at=now, meetings=(meeting,)), retain=True)


@pytest.mark.req("R29")
def test_the_presets_are_toured_once_in_the_check_before_a_meeting_and_never_in_it(
    broker: Any, make_agent: MakeAgent, camera: ViscaStub, tmp_path: Path
) -> None:
    source = tmp_path / "room.png"
    cv2.imwrite(str(source), np.random.default_rng(1).integers(40, 200, (360, 640, 3)).astype(np.uint8))
    agent = make_agent(broker, CAMERA.format(source=source, port=camera.port))
    send_agenda(broker, Phase.PRECHECK)
    agent.start()
    agent.wait_for(lambda _: broker.events(CheckDone), "the check at the window's begin is done")
    assert camera.head.recalled == [1, 2, 1], "each preset, and back to the first"
    (done,) = broker.events(CheckDone)
    moved = {reading.target for reading in done.readings if reading.metric == "camera.ptz_move_s" and reading.value is not None}
    assert moved == {"Toàn cảnh", "Chủ tọa"}

    broker.send(topics.site_topic("thu", topics.Kind.COMMAND, "check"), Command(id="c1", name="check", at=datetime.now(UTC)))
    agent.wait_for(lambda _: len(broker.events(CheckDone)) == 2, "the second check is done")
    heard = camera.heard
    send_agenda(broker, Phase.LIVE)
    agent.wait_for(lambda status: status.phase is Phase.LIVE, "the meeting is live")
    broker.send(topics.site_topic("thu", topics.Kind.COMMAND, "check"), Command(id="c2", name="check", at=datetime.now(UTC)))
    agent.wait_for(lambda _: len(broker.events(CheckDone)) == 3, "the check in the meeting is done")
    assert camera.heard == heard, "nothing was sent to the camera any more"
