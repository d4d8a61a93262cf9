"""What the agent says of itself, asked on its own machine by its own command."""

from __future__ import annotations

import json

from tests.vm.rig import Rig
from tests.vm.shell import RigError


def status(rig: Rig) -> dict[str, object]:
    """``edge-agent status --json`` as the agent's own user.

    Raises:
        RigError: the agent has not written any yet.
    """
    # 1 means that it has faults to tell, which is no fault of the command.
    said = rig.site.ssh.sh("runuser -u diemcau-agent -- edge-agent status --json", check=False).stdout
    if not said.startswith("{"):
        raise RigError(f"the agent's status is not there yet: {said!r}")
    read: dict[str, object] = json.loads(said)
    return read


def component_is_well(rig: Rig, component: str) -> bool:
    """Whether a component was checked and is normal."""
    components = status(rig)["components"]
    assert isinstance(components, list)
    return any(one["verdict"]["component"] == component and one["verdict"]["state"] == "ok" for one in components)
