"""The one table of probes. Adding a probe is one line here."""

from __future__ import annotations

import importlib
from typing import Any

import msgspec

from contract.findings import Component
from probes.cables.limits import CablesLimits, CablesSettings
from probes.camera.limits import CameraLimits, CameraSettings
from probes.codec.limits import CodecLimits, CodecSettings
from probes.host.limits import HostLimits, HostSettings
from probes.interface import Probe
from probes.link.limits import LinkLimits, LinkSettings
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings


class ProbeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One probe.

    Attributes:
        component: What it judges; also its name and its tables in the site's file.
        module: Where its ``run`` is; imported only where the probe runs, so that the daemon stays light.
        settings, limits: Types of its configuration; modules that import nothing but msgspec.
        heavy: It needs NumPy, OpenCV, scapy or pysnmp, and so a child process of its own.
        deadline_s: A run that takes longer is killed.
    """

    component: Component
    module: str
    settings: type[msgspec.Struct]
    limits: type[msgspec.Struct]
    heavy: bool
    deadline_s: float

    def load(self) -> Probe[Any, Any]:
        """Import the probe and return its ``run``."""
        run: Probe[Any, Any] = importlib.import_module(self.module).run
        return run


PROBES: dict[str, ProbeEntry] = {
    entry.component.value: entry
    for entry in (
        ProbeEntry(
            component=Component.CAMERA,
            module="probes.camera.probe",
            settings=CameraSettings,
            limits=CameraLimits,
            heavy=True,
            deadline_s=15,
        ),
        ProbeEntry(
            component=Component.MICROPHONE,
            module="probes.microphone.probe",
            settings=MicrophoneSettings,
            limits=MicrophoneLimits,
            heavy=True,
            deadline_s=15,
        ),
        ProbeEntry(
            component=Component.LINK, module="probes.link.probe", settings=LinkSettings, limits=LinkLimits, heavy=False, deadline_s=20
        ),
        ProbeEntry(
            component=Component.CODEC, module="probes.codec.probe", settings=CodecSettings, limits=CodecLimits, heavy=True, deadline_s=15
        ),
        ProbeEntry(
            component=Component.CABLES,
            module="probes.cables.probe",
            settings=CablesSettings,
            limits=CablesLimits,
            heavy=False,
            deadline_s=5,
        ),
        ProbeEntry(
            component=Component.HOST, module="probes.host.probe", settings=HostSettings, limits=HostLimits, heavy=False, deadline_s=5
        ),
    )
}
