"""Every error that Photon raises on purpose.

::

    PhotonError
    ├── SettingsError    a setting that cannot be used; ends the start with one line
    ├── StartError       the process cannot start: port taken, page not built
    ├── RecordingError   a file that is not a recording, or cannot become one, with the reason
    ├── StorageError     a database that cannot be used, or does not answer, with the reason
    │   └── BusyError    too many queries at once; try again
    ├── NotServingError  the process has no services yet, or any more; try again
    ├── CalendarError    the exchange's days could not be computed; logged, tried again
    └── RequestError     one request of one client that cannot be fulfilled, with its code

The message of each is a sentence for the person who can fix the problem: what was expected, what
was given, what to do. No message ever contains a secret. Bytes from outside never raise: decoders
return what they understood (see ``feed.finnhub_wire``).
"""

from typing import Literal

ErrorCode = Literal[
    "bad_json",
    "bad_message",
    "unknown_action",
    "bad_symbol",
    "unknown_symbol",
    "too_many_symbols",
    "rate_limited",
    "internal",
]
"""The codes of ``error`` messages and of per-symbol rejections on ``/ws``."""


class PhotonError(Exception):
    """Base of every error below."""


class SettingsError(PhotonError):
    """A setting cannot be used."""


class StartError(PhotonError):
    """The process cannot start."""


class RecordingError(PhotonError):
    """A file is not a recording, or nothing can be recorded into it."""


class StorageError(PhotonError):
    """A database cannot be used, or does not answer."""


class BusyError(StorageError):
    """A database has too many queries at once."""


class CalendarError(PhotonError):
    """The exchange's days could not be computed."""


class NotServingError(PhotonError):
    """The process is starting or stopping."""

    def __init__(self) -> None:
        super().__init__("the server is starting or stopping: try again")


class RequestError(PhotonError):
    """One client's request cannot be fulfilled; the connection stays open."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message
