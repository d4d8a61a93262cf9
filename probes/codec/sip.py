"""SIP OPTIONS (RFC 3261, section 11): the request, and how its answer is recognised. Pure."""

from __future__ import annotations

import re

from probes.child import word

_PRODUCT = re.compile(rb"\r\n(?:Server|User-Agent): *([^\r\n]+)", re.IGNORECASE)
_LONGEST_NAME = 60
_STATUS_LINE = re.compile(rb"SIP/2\.0 ([1-6]\d\d) ")


def options(*, host: str, port: int, local_host: str, local_port: int, transport: str, branch: str) -> bytes:
    """An OPTIONS request outside any dialog; a codec may answer it with anything, 404 included, and is alive."""
    host, local_host = (f"[{name}]" if ":" in name else name for name in (host, local_host))
    return (
        f"OPTIONS sip:{host}:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport.upper()} {local_host}:{local_port};branch=z9hG4bK{branch};rport\r\n"
        "Max-Forwards: 70\r\n"
        f"To: <sip:{host}:{port}>\r\n"
        f"From: <sip:diemcau@{local_host}>;tag={branch}\r\n"
        f"Call-ID: {branch}@diemcau\r\n"
        "CSeq: 1 OPTIONS\r\n"
        f"Contact: <sip:diemcau@{local_host}:{local_port}>\r\n"
        "Accept: application/sdp\r\n"
        "User-Agent: diemcau\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def product_of(answer: bytes) -> str:
    """What the answer calls itself (``Server`` or ``User-Agent``, RFC 3261, 20.35 and 20.41); empty if it does not say."""
    matched = _PRODUCT.search(answer)
    return "" if matched is None else word(matched.group(1), _LONGEST_NAME)


def status_of(answer: bytes, branch: str) -> int | None:
    """Status code of an answer to the request with `branch`; None for anything else, a late answer to another request included."""
    matched = _STATUS_LINE.match(answer)
    if matched is None or f"{branch}@diemcau".encode() not in answer:
        return None
    return int(matched.group(1))
