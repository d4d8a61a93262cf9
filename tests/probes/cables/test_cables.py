from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from contract.findings import Component, State
from contract.meetings import Phase
from contract.messages import ProbeReport
from contract.readings import Failure
from contract.verdicts import verdict_of
from probes.cables.limits import CablesLimits, CablesSettings, UsbDevice
from probes.cables.probe import run
from probes.cables.source import default_port
from probes.interface import Look

CAMERA = UsbDevice(name="camera phòng họp", id="046d:0825")


class Machine:
    """A sysfs tree of the test's own, with what a driver would write into it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")

    def port(self, carrier: str = "1", speed: str = "1000", duplex: str = "full") -> None:
        for name, text in {"carrier": carrier, "speed": speed, "duplex": duplex, "carrier_changes": "3"}.items():
            self.put(f"class/net/eth0/{name}", text)
        for counter in ("rx_errors", "tx_errors"):
            self.put(f"class/net/eth0/statistics/{counter}", "2")

    def usb(self, usb_id: str) -> None:
        vendor, product = usb_id.split(":")
        self.put("bus/usb/devices/1-1/idVendor", vendor)
        self.put("bus/usb/devices/1-1/idProduct", product)

    def look(self, **settings: object) -> ProbeReport:
        configured = CablesSettings(port="eth0", sysfs=str(self.root), **settings)  # type: ignore[arg-type]
        return run(configured, CablesLimits(), Look(phase=Phase.LIVE))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def codes(report: ProbeReport) -> list[str]:
    return [found.code for found in report.findings]


def test_a_good_port_has_no_finding(machine: Machine) -> None:
    machine.port()
    report = machine.look()
    assert codes(report) == []
    figures = {reading.metric: reading.value for reading in report.readings}
    assert figures["cables.port_speed_mbps"] == 1000
    assert figures["cables.port_errors"] == 4
    assert verdict_of(Component.CABLES, report.readings, report.findings, report.began_at).state is State.OK


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({"carrier": "0", "speed": "-1", "duplex": "unknown"}, ["cables.carrier_lost"]),
        ({"carrier": "", "speed": "", "duplex": ""}, ["cables.carrier_lost"]),
        ({"duplex": "half"}, ["cables.half_duplex"]),
        ({"speed": "10"}, ["cables.slow_port"]),
        ({"speed": "10", "duplex": "half"}, ["cables.slow_port", "cables.half_duplex"]),
        ({"speed": "-1", "duplex": "unknown"}, []),
    ],
)
def test_the_port_is_judged_by_what_the_driver_says(machine: Machine, port: dict[str, str], expected: list[str]) -> None:
    machine.port(**port)
    assert codes(machine.look()) == expected


def test_a_port_that_does_not_exist_has_lost_its_carrier(machine: Machine) -> None:
    report = machine.look()
    assert codes(report) == ["cables.carrier_lost"]
    assert report.readings[0].failure is Failure.ABSENT


def test_a_declared_usb_device_that_is_gone_is_named(machine: Machine) -> None:
    machine.port()
    machine.usb("1d6b:0002")
    (found,) = machine.look(usb=(CAMERA,)).findings
    assert (found.code, found.target, found.details) == ("cables.usb_lost", CAMERA.name, {"usb_id": CAMERA.id})
    machine.usb(CAMERA.id)
    assert machine.look(usb=(CAMERA,)).findings == ()


def test_a_machine_without_usb_cannot_tell_and_is_not_called_normal(machine: Machine) -> None:
    machine.port()
    report = machine.look(usb=(CAMERA,))
    assert codes(report) == []
    assert verdict_of(Component.CABLES, report.readings, report.findings, report.began_at).state is State.UNKNOWN


@pytest.mark.parametrize(("status", "expected"), [("connected", []), ("disconnected", ["cables.hdmi_no_signal"]), ("unknown", [])])
def test_a_declared_display_is_looked_for(machine: Machine, status: str, expected: list[str]) -> None:
    machine.port()
    machine.put("class/drm/card0-HDMI-A-1/status", status)
    assert codes(machine.look(hdmi=("card0-HDMI-A-1",))) == expected


def test_the_port_of_the_default_route_is_taken_when_none_is_named(tmp_path: Path) -> None:
    routes = tmp_path / "route"
    routes.write_text("Iface\tDestination\tGateway\neth7\t000A0A0A\t00000000\neth1\t00000000\t0100A8C0\n")
    assert default_port(routes) == "eth1"
    assert default_port(tmp_path / "none") == ""


@pytest.mark.root
def test_a_cable_that_is_pulled_and_plugged_in_again_is_seen_on_a_real_port() -> None:
    names = ("diemcau-a", "diemcau-b")
    subprocess.run(["ip", "link", "add", names[0], "type", "veth", "peer", "name", names[1]], check=True)
    try:
        for name in names:
            subprocess.run(["ip", "link", "set", name, "up"], check=True)
        assert codes(run(CablesSettings(port=names[0]), CablesLimits(), Look())) == []
        subprocess.run(["ip", "link", "set", names[1], "down"], check=True)
        assert codes(run(CablesSettings(port=names[0]), CablesLimits(), Look())) == ["cables.carrier_lost"]
        subprocess.run(["ip", "link", "set", names[1], "up"], check=True)
        back = run(CablesSettings(port=names[0]), CablesLimits(), Look())
        figures = {reading.metric: reading.value for reading in back.readings}
        assert codes(back) == []
        assert (figures["cables.full_duplex"], figures["cables.port_speed_mbps"]) == (1, 10000), "negotiated anew"
        assert (figures["cables.carrier_changes"] or 0) >= 3
    finally:
        subprocess.run(["ip", "link", "del", names[0]], check=True)


@pytest.mark.req("R5")
def test_what_is_plugged_in_is_listed_with_model_serial_and_id_and_hubs_are_not(machine: Machine) -> None:
    machine.port()
    machine.put("class/net/eth0/address", "52:54:00:12:34:56")
    machine.usb("046d:0825")
    for name, text in {"manufacturer": "Logitech", "product": "HD\x07 Webcam", "serial": "A1B2", "bcdDevice": "0012"}.items():
        machine.put(f"bus/usb/devices/1-1/{name}", text)
    for name, text in {"idVendor": "1d6b", "idProduct": "0002", "bDeviceClass": "09"}.items():
        machine.put(f"bus/usb/devices/usb1/{name}", text)
    camera, port = machine.look().devices
    assert (camera.name, camera.model, camera.serial, camera.address) == ("HD Webcam", "Logitech HD Webcam", "A1B2", "USB 046d:0825")
    assert (port.name, port.address) == ("eth0", "MAC 52:54:00:12:34:56")
