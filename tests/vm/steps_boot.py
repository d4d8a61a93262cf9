"""Steps that bring the machines up."""

from __future__ import annotations

from tests.vm import images, network
from tests.vm.rig import Rig


def boot(rig: Rig) -> list[str]:
    """Make the network and boot both machines."""
    image = images.machine()
    rig.network.make()
    rig.site.prepare(image)
    rig.site.power_on(rig.public_key)
    rig.center.power_on(rig.public_key)
    rig.center.wait_until_up()
    rig.notes["first_boot"] = rig.site.wait_until_up()
    for machine in (rig.site, rig.center):
        state = machine.ssh.sh("systemctl is-system-running --wait", timeout_s=300, check=False).stdout.strip()
        assert state in {"running", "degraded"}, f"systemd says {state}"
    camera = rig.site.ssh.out("v4l2-ctl -d /dev/video0 --info | grep 'Card type'")
    cards = rig.site.ssh.out("grep -c Loopback /proc/asound/cards")
    assert "vivid" in camera, camera
    assert int(cards) > 0, "snd-aloop made no card"
    reached = rig.site.ssh.sh(f"ping -c 1 -W 5 {network.CENTER}", check=False)
    assert reached.returncode == 0, f"the site PC does not reach the center: {reached.stdout}"
    systems = [machine.ssh.out(". /etc/os-release; echo $PRETTY_NAME, kernel $(uname -r)") for machine in (rig.site, rig.center)]
    return [
        f"site PC: {systems[0]}, camera {camera.split(':')[1].strip()}, ALSA loopback card",
        f"center: {systems[1]}; the site reaches it over the routed network",
    ]
