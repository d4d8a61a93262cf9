"""Where the two machines come from: a cached Debian root each, and for the virtual machine a cached disk made of one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.vm import network
from tests.vm.shell import RigError, run

REPOSITORY = Path(__file__).resolve().parents[2]
SUITE = "bookworm"
MACHINE_PACKAGES = ("linux-image-amd64", "ifupdown", "alsa-utils", "v4l-utils")
DISK_BYTES = 6 * 2**30
# vivid with one capture node: input 0 is a webcam, input 1 an HDMI receiver (num_inputs, input_types: two bits each).
FILES = {
    "etc/fstab": "/dev/vda / ext4 errors=remount-ro 0 1\n",
    "etc/hostname": "phong-hop\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 phong-hop\n",
    "etc/modules": "vivid\nsnd-aloop\nsch_netem\n",
    "etc/modprobe.d/vivid.conf": "options vivid n_devs=1 node_types=0x1 num_inputs=2 input_types=0xc\n",
    # At every boot and plug: a scene that moves and has contours, not the colour bars that the driver begins with.
    "etc/udev/rules.d/90-scene.rules": (
        'ACTION=="add", SUBSYSTEM=="video4linux", KERNEL=="video0", '
        'RUN+="/usr/bin/v4l2-ctl -d /dev/video0 -c test_pattern=10,horizontal_movement=2"\n'
    ),
    "etc/network/interfaces": (
        "auto lo eth0 eth1\niface lo inet loopback\n"
        f"iface eth0 inet static\n  address {network.SITE}/24\n  gateway {network.SITE_GATEWAY}\n"
        f"iface eth1 inet static\n  address {network.SITE_RIG_SIDE}/24\n"
    ),
}


class MachineImage(NamedTuple):
    """What QEMU boots."""

    disk: Path
    kernel: Path
    initrd: Path


def cache() -> Path:
    """Folder of what is kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diemcau"


def root(*more_packages: str) -> Path:
    """A cached Debian root, never to be changed."""
    return Path(run(REPOSITORY / "packaging/root.sh", SUITE, *more_packages, timeout_s=1200).stdout.strip())


def machine() -> MachineImage:
    """The site PC's disk, kernel and first ramdisk; made once per recipe."""
    base = root(*MACHINE_PACKAGES)
    recipe = hashlib.sha256(f"{base.name}{DISK_BYTES}{sorted(FILES.items())}".encode()).hexdigest()[:12]
    folder = cache() / "vm" / f"{SUITE}-{recipe}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
        try:
            _make(base, making)
            making.rename(folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return MachineImage(folder / "disk.img", folder / "vmlinuz", folder / "initrd")


def _make(base: Path, folder: Path) -> None:
    with overlay(base, folder / "work") as merged:
        for name, text in FILES.items():
            target = merged / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        disk = folder / "disk.img"
        disk.touch()
        os.truncate(disk, DISK_BYTES)
        run("mkfs.ext4", "-q", "-F", "-d", merged, disk, timeout_s=600)
        for name, pattern in (("vmlinuz", "vmlinuz-*"), ("initrd", "initrd.img-*")):
            found = sorted((merged / "boot").glob(pattern))
            if not found:
                raise RigError(f"{base} holds no {pattern} in boot: was the kernel installed?")
            shutil.copyfile(found[-1], folder / name)
    shutil.rmtree(folder / "work")


@contextlib.contextmanager
def overlay(lower: Path, work: Path) -> Iterator[Path]:
    """A changeable view of a cached root."""
    mount_overlay(lower, work)
    try:
        yield work / "merged"
    finally:
        unmount(work / "merged")


def mount_overlay(lower: Path, work: Path) -> Path:
    """Lay a changeable view of a cached root under `work`; its path."""
    for name in ("upper", "work", "merged"):
        (work / name).mkdir(parents=True)
    (work / "upper").chmod(0o755)
    options = f"lowerdir={lower},upperdir={work / 'upper'},workdir={work / 'work'}"
    run("mount", "-t", "overlay", "overlay", "-o", options, work / "merged")
    return work / "merged"


def unmount(path: Path) -> None:
    """Take a mount away; none is no error."""
    if path.is_mount():
        run("umount", path)
