"""The services of this process, for the routes of HTTP."""

from fastapi import HTTPException

from photon_app import services
from photon_app.services import Services


def current() -> Services:
    """The live services; 503 while the process starts or stops.

    Raises:
        HTTPException: there are none.
    """
    try:
        return services.current()
    except LookupError as error:
        raise HTTPException(503, "the server is starting or stopping: try again") from error
