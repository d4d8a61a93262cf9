"""The one error of the camera's sources."""

from __future__ import annotations

from contract.readings import Failure


class NoPictureError(Exception):
    """There is no picture to measure.

    Attributes:
        failure: Why, in the contract's words.
        code: The fault that this proves; empty when it only means that nothing could be checked.
        seen: What was seen of it, a word for the log.
    """

    def __init__(self, failure: Failure, code: str = "", *, seen: str = "") -> None:
        super().__init__(f"{failure}{': ' + seen if seen else ''}")
        self.failure = failure
        self.code = code
        self.seen = seen
