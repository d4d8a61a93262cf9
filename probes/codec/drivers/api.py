"""A small HTTP(S) client for a system's own interface."""

from __future__ import annotations

import base64
import http.client
import ssl
import time
from pathlib import Path

from contract.readings import Failure
from probes.codec.answers import failure_of
from probes.codec.limits import ApiSettings
from probes.codec.source import any_certificate

_MAX_OCTETS = 4 * 1024 * 1024
_REFUSED = frozenset({401, 403, 407})
_OK, _ABOVE_OK = 200, 300


class ApiError(Exception):
    """The interface did not tell."""

    def __init__(self, failure: Failure, words: str) -> None:
        super().__init__(words)
        self.failure = failure


class Api:
    """One system's interface for the time of one look; its password is read from its file and goes nowhere else.

    Args:
        host: Name or address.
        settings: How it is asked.
        timeout_s: For all requests together.

    Raises:
        ApiError: the password or the certificates cannot be read.
    """

    def __init__(self, host: str, settings: ApiSettings, timeout_s: float) -> None:
        self._host, self._settings = host, settings
        self._until_s = time.monotonic() + timeout_s
        try:
            self.password = Path(settings.password_file).read_text(encoding="utf-8").partition("\n")[0].strip()
            self._context = ssl.create_default_context(cafile=settings.ca) if settings.ca else any_certificate()
        except (OSError, UnicodeDecodeError) as error:
            raise ApiError(Failure.PERMISSION, f"a file of the codec's interface cannot be read: {type(error).__name__}") from None
        self.user = settings.user
        self._cookie = ""

    @property
    def basic(self) -> dict[str, str]:
        """Head of basic authentication (RFC 7617)."""
        return {"Authorization": "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()}

    def ask(self, path: str, *, method: str = "GET", body: bytes | None = None, heads: dict[str, str] | None = None) -> bytes:
        """What one address says; nothing is followed, a session's cookie is given back.

        Raises:
            ApiError: it did not answer, or not with what was asked.
        """
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise ApiError(Failure.TIMEOUT, path)
        connection = self._connection(left_s)
        try:
            connection.request(method, path, body=body, headers={"User-Agent": "diemcau", **self._cookies(), **(heads or {})})
            answer = connection.getresponse()
            content = answer.read(_MAX_OCTETS + 1)
        except (OSError, http.client.HTTPException) as error:
            failure = Failure.BAD_DATA if isinstance(error, ssl.SSLError) else failure_of(error)
            raise ApiError(failure, f"{path}: {type(error).__name__}") from None
        finally:
            connection.close()
        if answer.status in _REFUSED:
            raise ApiError(Failure.PERMISSION, f"{path}: HTTP {answer.status}")
        if not _OK <= answer.status < _ABOVE_OK or len(content) > _MAX_OCTETS:
            raise ApiError(Failure.BAD_DATA, f"{path}: HTTP {answer.status}, {len(content)} octets")
        self._cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0] or self._cookie
        return content

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        port = self._settings.port
        if self._settings.tls:
            return http.client.HTTPSConnection(self._host, port, timeout=timeout_s, context=self._context)
        return http.client.HTTPConnection(self._host, port, timeout=timeout_s)

    def _cookies(self) -> dict[str, str]:
        return {"Cookie": self._cookie} if self._cookie else {}
