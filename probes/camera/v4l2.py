"""What a V4L2 device says of itself before OpenCV, which hides the cause of every failure, opens it.

Numbers and layouts are those of linux/videodev2.h on 64-bit Linux.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path

from contract.readings import Failure
from probes.camera.trouble import NoPictureError

_QUERYCAP = 0x80685600
_ENUMINPUT = 0xC050561A
_G_INPUT = 0x80045626
_REQBUFS = 0xC0145608
_QUERY_DV_TIMINGS = 0x80845663
_CAP_VIDEO_CAPTURE = 0x1
_CAP_DEVICE_CAPS = 0x80000000
_NO_POWER_SIGNAL_OR_SYNC = 0x1 | 0x2 | 0x100
_BUF_TYPE_VIDEO_CAPTURE, _MEMORY_MMAP = 1, 1
_FAILURES = {
    errno.ENOENT: (Failure.ABSENT, "camera.absent"),
    errno.ENODEV: (Failure.ABSENT, "camera.absent"),
    errno.ENXIO: (Failure.ABSENT, "camera.absent"),
    errno.EIO: (Failure.ABSENT, "camera.absent"),
    errno.EBUSY: (Failure.BUSY, "camera.busy"),
    errno.EACCES: (Failure.PERMISSION, ""),
    errno.EPERM: (Failure.PERMISSION, ""),
}


def first_device(root: str = "/dev") -> str:
    """Path of the first capture device of this machine.

    Raises:
        NoPictureError: absent, if there is none.
    """
    nodes = sorted(Path(root).glob("video[0-9]*"), key=lambda node: int(node.name[5:]) if node.name[5:].isdigit() else 10**6)
    for node in nodes:
        try:
            handle = os.open(node, os.O_RDWR | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            if _captures(handle):
                return str(node)
        finally:
            os.close(handle)
    if nodes:
        return str(nodes[0])
    raise NoPictureError(Failure.ABSENT, "camera.absent", seen="no_device")


def require_signal(path: str) -> None:
    """See that the device is there, is a camera, is free and has a signal.

    Raises:
        NoPictureError: otherwise; the errno decides which.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        raise failure_of(error) from None
    try:
        if not _captures(handle):
            raise NoPictureError(Failure.UNSUPPORTED, seen="not_a_camera")
        _require_free(handle)
        if not _has_signal(handle):
            raise NoPictureError(Failure.TIMEOUT, "camera.no_signal", seen="no_signal")
    except OSError as error:
        raise failure_of(error) from None
    finally:
        os.close(handle)


def failure_of(error: OSError) -> NoPictureError:
    """The one mapping of a device's errno."""
    failure, code = _FAILURES.get(error.errno or 0, (Failure.BAD_DATA, ""))
    return NoPictureError(failure, code, seen=errno.errorcode.get(error.errno or 0, "").lower())


def _captures(handle: int) -> bool:
    answer = bytearray(104)
    try:
        fcntl.ioctl(handle, _QUERYCAP, answer)
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EINVAL):
            return False
        raise
    all_nodes, this_node = struct.unpack_from("II", answer, 84)
    return bool((this_node if all_nodes & _CAP_DEVICE_CAPS else all_nodes) & _CAP_VIDEO_CAPTURE)


def _require_free(handle: int) -> None:
    """Ask for a buffer and give it back: EBUSY if somebody else is streaming."""
    for count in (1, 0):
        request = bytearray(struct.pack("IIIIB3x", count, _BUF_TYPE_VIDEO_CAPTURE, _MEMORY_MMAP, 0, 0))
        try:
            fcntl.ioctl(handle, _REQBUFS, request)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTTY):
                raise


def _has_signal(handle: int) -> bool:
    """False if the input's status or its digital timings say that nothing arrives; many devices cannot tell, then True."""
    current = bytearray(4)
    answer = bytearray(80)
    try:
        fcntl.ioctl(handle, _G_INPUT, current)
        struct.pack_into("I", answer, 0, struct.unpack("I", current)[0])
        fcntl.ioctl(handle, _ENUMINPUT, answer)
        if struct.unpack_from("I", answer, 56)[0] & _NO_POWER_SIGNAL_OR_SYNC:
            return False
    except OSError as error:
        if error.errno not in (errno.ENOTTY, errno.EINVAL, errno.ENODATA):
            raise
    try:
        fcntl.ioctl(handle, _QUERY_DV_TIMINGS, bytearray(132))
    except OSError as error:
        return error.errno not in (errno.ENOLINK, errno.ENOLCK, errno.ERANGE)
    return True
