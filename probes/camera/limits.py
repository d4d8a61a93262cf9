"""Configuration of the camera probe: what the room has (settings) and what is still normal (limits).

Imports nothing but msgspec, so that the daemon can read a site's file without OpenCV.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from probes.camera.ptz_limits import PtzSettings

_SCHEMES = ("rtsp://", "rtsps://", "http://", "https://")

Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=60)]


class CameraSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the site has; from the site's own file.

    Attributes:
        fitted: Whether the room has a camera that this machine can see; without one nothing is missing (R46).
        source: V4L2 device (``/dev/video0`` or its number), ``rtsp://`` or ``http://`` address (MJPEG or snapshot), or a
            video or picture file. Empty: the first capture device of this machine.
        reference: Picture of the approved view; empty: ``camera_reference.png`` in the state directory, if it is there.
        hd_required: Whether the regulation's HD 720p (10.2.b) is asked of this camera.
        ptz: Its control port and presets; None: it is never turned.
    """

    fitted: bool = True
    source: str = ""
    reference: str = ""
    hd_required: bool = True
    ptz: PtzSettings | None = None

    def __post_init__(self) -> None:
        scheme, separator, _ = self.source.partition("://")
        if separator and not self.source.lower().startswith(_SCHEMES):
            raise ValueError(f"source: {scheme}:// cannot be watched; use a device, a file or one of {', '.join(_SCHEMES)}")


class CameraLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is still normal; versioned at the center, these are the defaults.

    Ratios of a picture run from 0 to 1, brightness from 0 (black) to 1 (white). Where the regulation gives no figure the
    default is our calibration (docs: accuracy of the camera probe), set so that a usable picture raises nothing.
    """

    min_width_px: Annotated[int, msgspec.Meta(ge=1, description="Longer side of HD 720p (regulation 10.2.b)")] = 1280
    min_height_px: Annotated[int, msgspec.Meta(ge=1, description="Shorter side of HD 720p (regulation 10.2.b)")] = 720
    min_frame_rate_hz: Annotated[
        float, msgspec.Meta(ge=0, le=240, description="Slower than this and people's movements jerk; webcams fall to 15 in dusk on purpose")
    ] = 12.0

    black_luma_ratio: Annotated[Ratio, msgspec.Meta(description="A pixel darker than this is black (ffmpeg blackdetect pix_th)")] = 0.10
    black_area_ratio: Annotated[Ratio, msgspec.Meta(description="The picture is black from this much black area (blackdetect pic_th)")] = (
        0.98
    )
    underexposed_luma_ratio: Annotated[Ratio, msgspec.Meta(description="Mean brightness below which a picture may be too dark")] = 0.18
    underexposed_bright_ratio: Annotated[
        Ratio, msgspec.Meta(description="… if its 95th percentile stays below this too: nothing in it is lit")
    ] = 0.26
    overexposed_clipped_ratio: Annotated[
        Ratio, msgspec.Meta(description="Share of blown-out pixels (two channels ≥ 250 of 255) from which a picture is too bright")
    ] = 0.30
    overexposed_luma_ratio: Annotated[Ratio, msgspec.Meta(description="… if its mean brightness is above this too")] = 0.70

    covered_edge_ratio: Annotated[
        Ratio, msgspec.Meta(description="Share of tiles with any contour below which the lens is covered (no reference)")
    ] = 0.08
    covered_lost_ratio: Annotated[
        Ratio, msgspec.Meta(description="Share of the reference's contoured tiles that must have lost theirs for the lens to be covered")
    ] = 0.70

    frozen_motion_level: Annotated[
        float,
        msgspec.Meta(
            ge=0, le=255, description="Mean change between frames, in 8-bit levels, that none exceeds if the picture stands still"
        ),
    ] = 0.09
    frozen_usual_motion_level: Annotated[
        float,
        msgspec.Meta(
            ge=0, le=255, description="… and its median over a second: an empty room's sensor noise changes more, even compressed"
        ),
    ] = 0.06
    frozen_drift_level_per_s: Annotated[
        float,
        msgspec.Meta(
            ge=0,
            le=255,
            description="… and its least change over about two seconds, by the time: noise adds up, a codec's refining ends",
        ),
    ] = 0.0015

    blurred_edge_width_px: Annotated[
        float,
        msgspec.Meta(
            gt=0,
            le=100,
            description="Width (standard deviation) of the sharpest contours above which a picture, at most 1280 px wide, is out of focus",
        ),
    ] = 1.8
    blurred_sharpness_ratio: Annotated[
        Ratio, msgspec.Meta(description="Sharpness against the reference below which a picture is out of focus")
    ] = 0.6

    moved_shift_percent: Annotated[
        Percent, msgspec.Meta(description="Shift of the view against the reference, of the picture width (R16)")
    ] = 2.0
    moved_rotation_deg: Annotated[float, msgspec.Meta(ge=0, le=180, description="Rotation of the view against the reference (R16)")] = 1.0
    moved_zoom_percent: Annotated[Percent, msgspec.Meta(description="Change of scale of the view against the reference (R16)")] = 5.0

    noisy_level: Annotated[
        float, msgspec.Meta(ge=0, le=255, description="Grain (standard deviation, 8-bit levels) from which a picture is noisy")
    ] = 10.0
    blocky_ratio: Annotated[
        Ratio, msgspec.Meta(description="Share of an 8 by 8 grid's lines at which coding blocks show, from which a picture is blocky")
    ] = 0.05
    color_cast_ratio: Annotated[
        float, msgspec.Meta(ge=1, description="One colour against another, by what it was in the approved view, from which there is a cast")
    ] = 1.24
    tint_ratio: Annotated[
        float, msgspec.Meta(ge=1, description="… without an approved view: by which everything in the picture is tinted alike")
    ] = 1.65
    dirty_area_ratio: Annotated[
        Ratio, msgspec.Meta(description="Share of the contoured tiles that have become soft in place from which the lens is dirty (R19)")
    ] = 0.05
    backlit_dimmed_ratio: Annotated[
        Ratio, msgspec.Meta(description="Brightness of the room against the approved view below which light from behind hides it")
    ] = 0.5
    backlit_bright_ratio: Annotated[Ratio, msgspec.Meta(description="… if so much of the picture has become bright")] = 0.04
    banding_percent: Annotated[
        Percent, msgspec.Meta(description="Swing of bands of mains light, in percent of the brightness, from which they are told")
    ] = 1.5
    dropped_frames_ratio: Annotated[
        Ratio, msgspec.Meta(description="Share of the frames that did not come, over three seconds, from which a picture jerks")
    ] = 0.05

    look_s: Annotated[float, msgspec.Meta(gt=0, le=5, description="How much of a live picture one look takes")] = 1.0
    no_frame_s: Annotated[
        Seconds, msgspec.Meta(description="A source that was opened and gives no picture for this long has no signal")
    ] = 4.0
    open_s: Annotated[Seconds, msgspec.Meta(description="A network camera that does not answer for this long is not there")] = 4.0
    confirm_s: Annotated[Seconds, msgspec.Meta(description="How long a fault must last in a recording to be an event")] = 2.0
    clear_s: Annotated[Seconds, msgspec.Meta(description="How long a recording must be well again for the event to be over")] = 1.0

    ptz_answer_s: Annotated[Seconds, msgspec.Meta(description="How long one answer of the camera's control port is waited for")] = 1.0
    ptz_move_s: Annotated[Seconds, msgspec.Meta(description="A preset must be reached within this time")] = 10.0
    ptz_off_percent: Annotated[
        Percent, msgspec.Meta(description="A preset may lie this far from its approved position, of the camera's whole range")
    ] = 1.0
