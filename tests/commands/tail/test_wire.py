"""What a Photon says is read, and nothing that it could say is more than not understood."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from photon_app.calendar.hours import MarketView
from photon_app.commands.tail import wire
from photon_app.hub import messages
from photon_app.model import FeedStatus, Quote, Trade

QUOTE = Quote(
    symbol="AAPL",
    seq=7,
    price=150.25,
    volume=100,
    time_ms=1_795_626_000_000,
    prev_close=147.75,
    change=2.5,
    change_percent=1.692,
    open=149.8,
    high=150.6,
    low=149.5,
    day_volume=182_300,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
TAGS = ["connection", "status", "subscription", "price_update", "heartbeat", "error", "shutdown"]


def test_a_snapshot_of_the_server_is_read_whole() -> None:
    """Every figure of it."""
    read = wire.decode(messages.snapshot(QUOTE, "regular", "live"))
    assert isinstance(read, wire.Update)
    assert read.snapshot
    for name in ("prev_close", "change", "change_percent", "open", "high", "low", "day_volume"):
        assert getattr(read.data, name) == getattr(QUOTE, name)


def test_a_trade_of_the_server_is_read() -> None:
    read = wire.decode(messages.price_update(Trade("AAPL", 150.25, 100, 5), 17))
    assert isinstance(read, wire.Update)
    assert (read.symbol, read.seq, read.snapshot, read.polled) == ("AAPL", 17, False, False)
    assert (read.data.price, read.data.volume, read.data.timestamp) == (150.25, 100, 5)


def test_a_polled_price_of_the_server_is_read() -> None:
    read = wire.decode(messages.polled_update(QUOTE))
    assert isinstance(read, wire.Update)
    assert read.polled


def test_a_status_of_the_server_is_read() -> None:
    feed = FeedStatus(
        source="finnhub", state="reconnecting", since_ms=1, detail="why", retry_at_ms=9
    )
    view = MarketView(session="pre", until_ms=2, following="regular", now_ms=3, rate=0.5)
    read = wire.decode(messages.status(feed, view, "epoch", {"LOW": "polled"}))
    assert read == wire.Status(
        feed="reconnecting",
        epoch="epoch",
        market="pre",
        symbols={"LOW": "polled"},
        source="finnhub",
        detail="why",
        retry_at=9,
        now=3,
        rate=0.5,
        market_until=2,
        market_next="regular",
    )


def test_other_messages_of_the_server_are_read() -> None:
    """Greeting, answers, heartbeats and goodbyes."""
    refused = messages.Rejection("é", "bad_symbol", "no symbol")
    answer = messages.subscription("subscribed", [], [refused], [], None)
    assert wire.decode(answer) == wire.Subscription(
        rejected=(wire.Rejection(symbol="é", code="bad_symbol", message="no symbol"),)
    ) or wire.decode(answer) == wire.Subscription(
        rejected=[wire.Rejection(symbol="é", code="bad_symbol", message="no symbol")]
    )
    assert wire.decode(messages.heartbeat(1, 2)) == wire.Heartbeat(now=2)
    assert wire.decode(messages.shutdown(1500)) == wire.Shutdown(retry_after_ms=1500)


def test_an_unknown_type_is_a_message_and_a_broken_known_one_is_none() -> None:
    """A newer server is alive; a price that cannot be read is not one."""
    assert wire.decode('{"type":"bar","symbol":"AAPL"}') == wire.Unknown(type="bar")
    assert wire.decode('{"type":"price_update","symbol":"AAPL"}') is None
    assert wire.decode('[{"stock":"AAPL","price":1}]') is None


@given(st.text() | st.binary())
def test_anything_can_be_decoded(text: str | bytes) -> None:
    """Nothing raises."""
    wire.decode(text)


@given(
    st.sampled_from(TAGS),
    st.dictionaries(
        st.sampled_from(
            [
                "symbol",
                "seq",
                "data",
                "feed",
                "epoch",
                "symbols",
                "rejected",
                "message",
                "now",
                "rate",
            ]
        ),
        json_values,
    ),
)
def test_any_fields_can_be_decoded(tag: str, fields: dict[str, object]) -> None:
    """Nothing raises, whatever type they are of."""
    wire.decode(msgspec.json.encode({"type": tag, **fields}))


@given(st.text())
def test_clean_text_cannot_steer_a_terminal(text: str) -> None:
    """One line of printable characters, not long."""
    shown = wire.clean(text)
    assert shown.isprintable()
    assert len(shown) <= wire.TEXT_LIMIT


@given(st.lists(st.sampled_from(["AAPL", "BRK.B"])), st.integers(0, 10_000))
def test_a_request_is_what_the_server_reads(symbols: list[str], interval_ms: int) -> None:
    assert msgspec.json.decode(wire.subscribe(symbols, interval_ms)) == {
        "action": "subscribe",
        "symbols": symbols,
        "interval_ms": interval_ms,
    }
