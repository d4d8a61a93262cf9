"""Cisco RoomOS and CE: status and configuration as XML over HTTPS with basic authentication (xAPI, ``/getxml``). Only reads."""

from __future__ import annotations

from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from contract.readings import Failure
from probes.child import word
from probes.codec.drivers.api import Api, ApiError
from probes.codec.facts import Facts

_STATUS, _CONFIGURATION = "/getxml?location=/Status", "/getxml?location=/Configuration"
_LONGEST_WORD = 60
_NO_SIGNAL = frozenset({"NotFound", "Unsupported"})


def ask(api: Api) -> Facts:
    """Status and configuration, read once."""
    status, configuration = (
        _tree(api.ask(path, heads=api.basic), name) for path, name in ((_STATUS, "Status"), (_CONFIGURATION, "Configuration"))
    )
    sources = status.findall("Video/Input/Source")
    connectors = [each for each in status.findall("Video/Input/Connector") if each.findtext("Connected") is not None]
    echo = [mode.text for mode in configuration.findall("Audio/Input/Microphone/EchoControl/Mode")]
    return Facts(
        product=_word(status, "SystemUnit/ProductId") or "Cisco",
        software=_word(status, "SystemUnit/Software/Version"),
        address=_word(status, "Network/IPv4/Address"),
        in_call=any(call.findtext("Status") == "Connected" for call in status.findall("Call")),
        picture_sources=sum(map(_gives_signal, connectors)) if connectors else None,
        height_lines=_main_height(status, sources),
        call_rate_kbps=_number(configuration, "Conference/DefaultCall/Rate"),
        echo_cancelling=all(mode == "On" for mode in echo) if echo else None,
        registered=_registered(status),
        microphones_muted=_is(status, "Audio/Microphones/Mute", "On"),
    )


def _tree(content: bytes, name: str) -> Element:
    """The document, without entities of its own."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ApiError(Failure.BAD_DATA, f"{name}: a document type is not expected")
    try:
        root = ET.fromstring(content)  # noqa: S314 — no document type, so no entity can grow
    except ET.ParseError as error:
        raise ApiError(Failure.BAD_DATA, f"{name}: {error}") from None
    if root.tag != name:
        raise ApiError(Failure.BAD_DATA, f"{name}: the answer is something else")
    return root


def _gives_signal(connector: Element) -> bool:
    return connector.findtext("Connected") == "True" and connector.findtext("SignalState") not in _NO_SIGNAL


def _main_height(status: Element, sources: list[Element]) -> int | None:
    main = status.findtext("Video/Input/MainVideoSource")
    wanted = [each for each in sources if each.get("item") == main] or sources
    heights = [height for each in wanted if (height := _number(each, "Resolution/Height"))]
    return max(heights, default=None)


def _registered(status: Element) -> bool | None:
    words = [word for path in ("SIP/Registration/Status", "H323/Gatekeeper/Status") if (word := status.findtext(path)) is not None]
    return any(word == "Registered" for word in words) if words else None


def _is(tree: Element, path: str, wanted: str) -> bool | None:
    text = tree.findtext(path)
    return None if text is None else text == wanted


def _number(tree: Element, path: str) -> int | None:
    text = (tree.findtext(path) or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _word(tree: Element, path: str) -> str | None:
    text = tree.findtext(path)
    return word(text.encode(), _LONGEST_WORD) or None if text else None
