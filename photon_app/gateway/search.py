"""``GET /api/search``: symbols that match what a user types.

Owns the route and its answer. The reference decides what is found and when upstream is queried: it
answers equal queries from memory, has a share of the request budget that typing cannot exceed, and
falls back to the bundled list within two seconds. ``Questions`` limits how often one address may
cause a query. Trouble upstream is never answered with 5xx.
"""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel

from photon_app import services
from photon_app.gateway.problems import REQUIRED, problems, whole
from photon_app.gateway.questions import Questions
from photon_app.model import USUAL_RESULTS

MOST_CHARS = 64
MOST_RESULTS = 50


class Found(BaseModel):
    """A symbol and what it stands for."""

    symbol: str
    name: str
    type: str
    """In Finnhub's words, such as ``Common Stock``, ``ETP`` or ``Crypto``; may be empty."""


class SearchResults(BaseModel):
    """``GET /api/search``, the best match first."""

    results: list[Found]


def create_router(questions: Questions) -> APIRouter:
    """The route.

    Args:
        questions: limits on queries upstream.
    """
    router = APIRouter()

    @router.get(
        "/api/search",
        summary="Symbols by symbol or name",
        responses=problems(403, 422, 429, 503),
    )
    async def search(
        request: Request,
        q: Annotated[
            str,
            Query(
                description="the beginning of a symbol, or part of a name",
                examples=["apple"],
                json_schema_extra={"minLength": 1, "maxLength": MOST_CHARS, REQUIRED: True},
            ),
        ] = "",
        limit: Annotated[
            int, Query(ge=1, le=MOST_RESULTS, description="most results"), whole(1, MOST_RESULTS)
        ] = USUAL_RESULTS,
    ) -> SearchResults:
        """Finnhub and the bundled list when there is a key, else the list alone."""
        if not q.strip() or len(q) > MOST_CHARS:
            detail = (
                f"q: expected 1 to {MOST_CHARS} characters of a symbol or a name, such as apple"
            )
            raise HTTPException(422, detail)
        reference, address = services.current().reference, questions.address(request)
        refusal = questions.cross_site(request)
        if refusal is None and not reference.knows_search(q.strip()):
            refusal = questions.take(address)
        if refusal is not None:
            raise HTTPException(refusal.status, refusal.sentence, headers=refusal.headers)
        found = await reference.search(q.strip(), limit, address=address)
        return SearchResults(
            results=[Found(symbol=one.symbol, name=one.name, type=one.type) for one in found]
        )

    return router
