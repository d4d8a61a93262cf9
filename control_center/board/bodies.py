"""What a browser's form brings: urlencoded, bounded, composed (NFC)."""

from __future__ import annotations

import unicodedata
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_FIELDS = 5000


class Fields:
    """The fields of a form, by name, in the order in which they came."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def one(self, name: str, longest: int = 500) -> str:
        """What a field says, without ends of white space and what cannot be printed; empty if it is missing."""
        return next((_plain(text)[:longest] for given, text in self._pairs if given == name), "")

    def all(self, name: str) -> list[str]:
        """All that a field of this name says."""
        return [_plain(text) for given, text in self._pairs if given == name]

    def raw(self, name: str) -> str:
        """What a field says with its line breaks."""
        return next((text for given, text in self._pairs if given == name), "")


def _plain(text: str) -> str:
    kept = "".join(character if character.isprintable() else " " for character in text)
    return unicodedata.normalize("NFC", kept).strip()


async def fields(request: Request, longest: int, most: int = MOST_FIELDS) -> Fields:
    """Read the form of a request.

    Raises:
        HTTPException: 413 if it has more than `longest` bytes, 400 if it has more than `most` fields or cannot be read.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > longest:
            raise HTTPException(413)
    try:
        return Fields(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=most))
    except ValueError as error:
        raise HTTPException(400) from error
