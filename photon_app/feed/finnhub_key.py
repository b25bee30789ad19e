"""Where Finnhub's key goes into an address, and how it is kept out of everything else.

Pure; callable from any thread. Finnhub accepts the key of its socket in the query and nowhere else.
"""

from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit, urlunsplit

from photon_app.settings import Secret


def with_token(url: str, key: str) -> str:
    """The address with ``token=`` in its query, replacing any that was there."""
    parts = urlsplit(url)
    query = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name != "token"
    ]
    return urlunsplit(parts._replace(query=urlencode([*query, ("token", key)])))


def without_key(text: str, key: Secret) -> str:
    """Foreign text with the key masked, in each form in which an address can contain it."""
    revealed = key.reveal()
    for form in (quote_plus(revealed), quote(revealed, safe="")):
        text = text.replace(form, "***")
    return key.scrub(text)
