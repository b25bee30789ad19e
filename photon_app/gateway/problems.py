"""Error answers of HTTP routes: a status and one sentence, ``{"detail": "…"}``.

A route reports unusable values itself; errors that FastAPI finds first are converted to the same
format here, so that clients need to know only one. The routes under ``/api/v1`` have Finnhub's
format instead.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator

from photon_app.errors import RequestError

T = TypeVar("T")
C = TypeVar("C", bound=str)

MEANINGS = {
    403: "a page of another site asks, whose Origin FRONTEND_URL does not name",
    422: "a parameter that cannot be used, named in the sentence",
    429: "too many questions at once",
    503: "the server is starting or stopping, or cannot answer now: try again",
}
FINNHUB = "/api/v1"
"""Answers under this path have Finnhub's format."""
REQUIRED = "x-required"
"""Marks a parameter that a route reads as empty if it is missing, so that the route itself can
answer what it expects. The documentation shows it as required.
"""
_SHOWN = 40


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str
    """One sentence: what was expected, what was given."""


def problems(*statuses: int, model: type[BaseModel] = Problem) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for its documentation."""
    return {status: {"model": model, "description": MEANINGS[status]} for status in statuses}


def whole(lowest: int, highest: int) -> BeforeValidator:
    """A validator that reads a whole number within bounds from a client's text."""

    def read(given: Any) -> int:
        text = str(given).strip()
        if re.fullmatch(r"\d{1,9}", text, re.ASCII) and lowest <= int(text) <= highest:
            return int(text)
        raise ValueError(
            f"expected a whole number from {lowest} to {highest}, got {shown(str(given))}"
        )

    return BeforeValidator(read)


def read(name: str, text: str, parse: Callable[[str], T]) -> T:
    """A parameter as ``parse`` reads it, else a refusal in a sentence.

    Raises:
        HTTPException: ``parse`` cannot read it.
    """
    try:
        return parse(text.strip())
    except RequestError as problem:
        raise HTTPException(422, f"{name}: {problem.message}") from problem
    except ValueError as error:
        raise HTTPException(422, f"{name}: expected {error}, got {shown(text)}") from None


def one_of(name: str, text: str, choices: tuple[C, ...]) -> C:
    """A parameter that is one of these, else a refusal in a sentence.

    Raises:
        HTTPException: it is none of them.
    """
    for choice in choices:
        if text == choice:
            return choice
    raise HTTPException(422, f"{name}: expected one of {', '.join(choices)}, got {shown(text)}")


def shown(text: str) -> str:
    """A client's text, printable and cut to one short line."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


async def unusable(request: Request, error: Exception) -> JSONResponse:
    """Answer a request whose parameters FastAPI could not read: the first one, in a sentence."""
    del request
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    reason = first.get("ctx", {}).get("error") or first["msg"]
    return JSONResponse({"detail": f"{first['loc'][-1]}: {reason}"}, 422)


async def not_serving(request: Request, error: Exception) -> JSONResponse:
    """Answer while the process starts or stops, in the format of the requested API."""
    if request.url.path.startswith(FINNHUB):
        return JSONResponse({"error": f"{error}.".capitalize()}, 503)
    return JSONResponse({"detail": str(error)}, 503)


def describe(api: FastAPI) -> None:
    """Mark required parameters as such in the API's OpenAPI document."""
    described = api.openapi

    def openapi() -> dict[str, Any]:
        document = described()
        for path in document["paths"].values():
            for operation in path.values():
                _require(operation.get("parameters", []))
        return document

    api.openapi = openapi  # type: ignore[method-assign]


def _require(parameters: list[dict[str, Any]]) -> None:
    for parameter in parameters:
        if parameter["schema"].pop(REQUIRED, False):
            parameter["required"] = True
            parameter["schema"].pop("default", None)
