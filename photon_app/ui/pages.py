"""The dashboard, and the Reflex app around all pages.

``photon_app/photon_app.py`` calls ``create_app`` once. The overview and the developers' page are
pages of their own, in modules of their own: a browser loads their code when they are opened. A link
from one page to another loads the document: the dashboard writes its address by itself, and
Reflex's router would not know of it. Reflex's own signs of a lost connection (a toast, a pulsing
icon) are left out: the badge in the header shows it, calmly.
"""

# mypy: disable-error-code="no-any-return"
# Reflex types its elements as Any.

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import reflex as rx
from reflex.app import default_error_boundary
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware

from photon_app.ui import theme
from photon_app.ui.components.detail import detail_panel
from photon_app.ui.components.developers import developers
from photon_app.ui.components.footer import footer
from photon_app.ui.components.header import header
from photon_app.ui.components.market import market
from photon_app.ui.components.watchlist import watchlist_panel
from photon_app.ui.hydration import StorageFirst
from photon_app.ui.live.parts import list_keeper, shortcuts
from photon_app.ui.state import Dashboard

TITLE = "Photon"
OUTDATED_JS = Path(__file__).parent / "live" / "outdated.js"
DESCRIPTION = "A self-hosted real-time stock ticker: live quotes, day figures and honest status."

log = logging.getLogger(__name__)


class PhotonApp(rx.App):
    """Reflex's app without its CORS.

    Reflex adds one layer around its own part and one around everything. Each lists methods that
    no route has, and answers a preflight before the Origin rule sees it.
    """

    outermost: Callable[[Any], Any] = staticmethod(lambda whole: whole)
    """Adds layers around everything that Reflex made."""

    def __call__(self) -> Any:
        """The ASGI app, as Reflex makes it for its servers, with the outermost layers."""
        for part in (self._api, made := super().__call__()):
            if isinstance(part, Starlette):
                layers: list[Any] = part.user_middleware
                part.user_middleware = [one for one in layers if one.cls is not CORSMiddleware]
        return self.outermost(made)


def index() -> rx.Component:
    """The dashboard."""
    return rx.el.div(
        shortcuts(
            selected=Dashboard.selected,
            on_move=Dashboard.move,
            on_remove=Dashboard.remove_selected,
        ),
        list_keeper(edits=Dashboard.edits, on_kept=Dashboard.kept),
        header(),
        rx.el.main(watchlist_panel(), detail_panel(), class_name="main"),
        footer(),
        class_name="photon",
        custom_attrs={"data-pair": Dashboard.color_pair},
    )


def head_components() -> list[rx.Component]:
    """The elements in every page's head besides Reflex's own."""
    return [
        rx.el.script(src="/refused.js"),
        rx.el.script(
            custom_attrs={
                "dangerouslySetInnerHTML": {"__html": OUTDATED_JS.read_text(encoding="utf-8")}
            }
        ),
        rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
        rx.el.link(rel="icon", href="/favicon.ico", sizes="32x32"),
        *[
            rx.el.meta(name="theme-color", content=color, custom_attrs={"media": media})
            for media, color in theme.THEME_COLORS
        ],
    ]


def create_app(
    api_transformer: Sequence[Any] | Callable[..., Any] | Any | None = None,
    outermost: Callable[[Any], Any] = lambda whole: whole,
) -> rx.App:
    """The Reflex app with its pages.

    Args:
        api_transformer: Photon's own HTTP routes, as ``rx.App`` takes them.
        outermost: adds Photon's own sockets around everything else.
    """
    app = PhotonApp(
        api_transformer=api_transformer,
        head_components=head_components(),
        html_lang="en",
        toaster=None,
        app_wraps={(55, "ErrorBoundary"): lambda _stateful: default_error_boundary()},
        backend_exception_handler=_handler_failed,
    )
    app.outermost = outermost
    app.add_middleware(StorageFirst())
    app.add_page(
        index,
        route="/",
        title=TITLE,
        description=DESCRIPTION,
        image="/favicon.svg",
        on_load=Dashboard.arrive,
    )
    app.add_page(
        market,
        route="/market",
        title=f"Market · {TITLE}",
        description="What this Photon follows: heat map, breadth, movers.",
        image="/favicon.svg",
    )
    app.add_page(
        developers,
        route="/developers",
        title=f"Developers · {TITLE}",
        description="Photon's protocol: a live console, clients to copy, every message.",
        image="/favicon.svg",
    )
    return app


def _handler_failed(exception: Exception) -> None:
    """Log the exception; Reflex's own handler would show a toast or an alert over the page."""
    log.error("a handler of the page failed", exc_info=exception)
