"""What is sent on a connection, and what its errors mean."""

from hypothesis import example, given
from hypothesis import strategies as st

from photon_app.feed.finnhub.slots import Slots
from photon_app.feed.finnhub.spelling import Spellings
from photon_app.feed.finnhub.subscriptions import ACKNOWLEDGED_S, RETRY_S, Command, Subscriptions
from photon_app.feed.finnhub_wire import Subscribe, Unsubscribe

NAMES = "ABCDEFGH"
TOO_MANY = "Subscribing to too many symbols"


class Upstream:
    """Finnhub's side of one line after the other; its errors are under way for ``late_s``."""

    def __init__(self, limit: int = 8, cap: int = 99, late_s: float = 0.0) -> None:
        self.slots = Slots(limit)
        self.line = Subscriptions(self.slots, Spellings())
        self.cap = cap
        self.taken: set[str] = set()
        self.most = 0
        self.now_s = 0.0
        self.sent: list[str] = []
        self._late_s = late_s
        self._errors: list[float] = []

    def want(self, symbols: str, viewers: dict[str, int] | None = None) -> None:
        """What is wanted now."""
        self.slots.want(frozenset(symbols), viewers or {}, self.now_s)

    def reopen(self) -> None:
        """A new line."""
        self.taken.clear()
        self._errors.clear()
        self.line.connection_opened(self.now_s)

    def step(self) -> None:
        """One message in 0.11 s, if there is one to send."""
        self._deliver()
        command = self.line.take(self.now_s)
        if command is not None:
            self._follow(command)
        self._deliver()
        self.now_s += 0.11

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.step()

    def _follow(self, command: Command) -> None:
        if isinstance(command, Unsubscribe):
            self.taken.discard(command.symbol)
            self.sent.append(f"-{command.symbol}")
            return
        self.sent.append(command.symbol)
        if len(self.taken | {command.symbol}) > self.cap:
            self._errors.append(self.now_s + self._late_s)
        else:
            self.taken.add(command.symbol)
        self.most = max(self.most, len(self.taken))

    def _deliver(self) -> None:
        due = [at_s for at_s in self._errors if at_s <= self.now_s]
        self._errors = [at_s for at_s in self._errors if at_s > self.now_s]
        for _ in due:
            self.line.error(TOO_MANY, self.now_s)


def test_a_symbol_is_let_go_before_another_is_asked_for() -> None:
    """So upstream never counts more than there are slots."""
    it = Upstream(limit=2)
    it.want("ABC")
    it.run(1)
    it.want("BC")
    it.run(1)
    assert it.sent == ["A", "B", "-A", "C"]


def test_a_new_connection_gets_every_subscription() -> None:
    """Subscriptions do not outlive a connection."""
    it = Upstream()
    it.want("AB")
    it.run(1)
    it.reopen()
    it.run(1)
    assert it.sent == ["A", "B", "A", "B"]


def test_what_the_line_knows_is_not_repeated() -> None:
    """The whole set is wanted again and again; only changes are sent."""
    it = Upstream()
    it.want("AB")
    it.run(1)
    it.want("AB", {"A": 1})
    it.run(1)
    assert it.sent == ["A", "B"]


def test_the_viewed_are_subscribed_first() -> None:
    """The most viewed of all."""
    it = Upstream()
    it.want("ABCD", {"C": 1, "D": 2})
    it.run(1)
    assert it.sent == ["D", "C", "A", "B"]


def test_a_refusal_is_found_by_asking_one_at_a_time() -> None:
    """All that it can mean are let go and told again, until one is refused alone, twice."""
    it = Upstream(cap=2)
    it.want("ABCD")
    it.run(30)
    assert it.sent == ["A", "B", "C", "-A", "-B", "-C", "A", "B", "C", "-C", "C", "-C"]
    assert it.slots.assigned == it.taken == {"A", "B"}
    assert it.slots.room == 2


def test_a_trade_is_an_acknowledgement() -> None:
    """Who has traded on this line is not suspected, and nobody waits for its window to pass."""
    it = Upstream(cap=2)
    it.want("AB")
    it.run(0.2)
    it.line.heard({"A", "B"})
    it.want("ABC")
    it.run(30)
    assert it.sent == ["A", "B", "C", "-C", "C", "-C", "C", "-C"]
    assert it.taken == {"A", "B"}


def test_a_symbol_that_is_blamed_gives_its_place_up() -> None:
    """The refusal may have meant another, and then this one was taken: nothing stays that nobody
    knows of. Asked alone, it gets its place back.
    """
    it = Upstream()
    it.want("AB")
    it.step()
    it.line.error(TOO_MANY, it.now_s)
    while it.sent[-1] != "B":
        it.step()
    it.line.error(TOO_MANY, it.now_s)
    it.run(1)
    assert it.sent[-1] == "-B"
    assert it.taken == it.line.subscribed == {"A"}
    it.run(30)
    assert it.taken == it.line.subscribed == it.slots.assigned == {"A", "B"}
    assert it.slots.room == 8


def test_an_error_that_comes_late_costs_nobody_who_was_taken_a_place() -> None:
    """It is about one that was asked before and was thought to be taken: that one is found."""
    it = Upstream(limit=6, cap=4, late_s=2.0)
    it.want("ABCD")
    it.run(5)
    it.want("ABCDE")
    it.run(1.9)
    it.line.heard(set("ABCD"))
    it.want("ABCDEF", {"F": 1})
    it.run(200)
    assert it.taken == it.line.subscribed == it.slots.assigned
    assert len(it.taken) == it.slots.room == 4


def test_two_that_are_refused_late_are_not_blamed_in_turn_for_ever() -> None:
    """Who is blamed again after it was thought to be taken shows that errors come late."""
    it = Upstream(limit=3, cap=1, late_s=4.0)
    it.want("ABC")
    it.run(120)
    assert it.taken == it.line.subscribed == it.slots.assigned == {"A"}
    sent = len(it.sent)
    it.run(300)
    assert len(it.sent) == sent


def test_errors_that_follow_each_other_are_waited_out() -> None:
    """They are about those that were sent before, not about the one that is asked next."""
    it = Upstream()
    it.want("ABC")
    it.run(1)
    for _ in range(4):
        it.line.error(TOO_MANY, it.now_s)
        it.run(2 * ACKNOWLEDGED_S - 0.5)
        assert it.sent == ["A", "B", "C", "-A", "-B", "-C"]
    it.run(ACKNOWLEDGED_S)
    assert it.sent[6:] == ["A"]
    it.run(30)
    assert it.taken == it.line.subscribed == it.slots.assigned == {"A", "B", "C"}


def test_an_error_can_mean_one_that_was_asked_before_the_window() -> None:
    """As long ago as errors were ever seen to take, unless it has traded."""
    it = Upstream()
    it.want("ABC")
    it.run(ACKNOWLEDGED_S + 1)
    it.line.heard({"B"})
    it.want("ABCD")
    it.step()
    it.line.error(TOO_MANY, it.now_s)
    it.run(1)
    assert it.sent == ["A", "B", "C", "D", "-A", "-C", "-D"]


def test_a_place_that_is_given_up_meanwhile_counts_as_a_place() -> None:
    """A refusal is about how many had been sent by then, so the symbol is sent once more."""
    it = Upstream(limit=3, cap=2, late_s=1.0)
    it.want("ABC")
    while it.sent.count("C") < 3:
        it.step()
    it.want("BC")
    it.run(30)
    assert it.taken == it.line.subscribed == it.slots.assigned == {"B", "C"}


def test_one_in_flight_is_one_in_flight() -> None:
    """Nothing is sent between a careful subscribe and its acknowledgement."""
    it = Upstream()
    it.want("ABC")
    it.line.error(TOO_MANY, 0)
    it.run(2 * ACKNOWLEDGED_S)
    before = len(it.sent)
    it.run(ACKNOWLEDGED_S - 0.2)
    assert len(it.sent) <= before + 1
    assert it.line.heard({it.sent[-1]})
    it.step()
    assert len(it.sent) == before + 2


def test_an_invalid_symbol_gives_its_slot_away_and_comes_back() -> None:
    """Others are not suspected; it is let go, for it may have been taken all the same."""
    it = Upstream(limit=2)
    it.want("ABC")
    it.run(1)
    assert it.line.error("Invalid symbol A", it.now_s)
    it.run(1)
    assert it.slots.assigned == {"B", "C"}
    assert it.sent == ["A", "B", "-A", "C"]
    it.want("AB")
    it.now_s += RETRY_S
    it.run(1)
    assert it.slots.assigned == {"A", "B"}


def test_errors_about_something_else_change_nothing() -> None:
    """Nor does one about a symbol that nobody asked for."""
    it = Upstream()
    it.want("A")
    it.run(1)
    for message in ("Invalid symbol Z", "Subscription failed", "", "invalid symbol"):
        assert not it.line.error(message, it.now_s)
    it.run(1)
    assert it.sent == ["A"]


def test_a_symbol_with_a_space_is_understood() -> None:
    """Finnhub has such."""
    it = Upstream()
    it.slots.want(frozenset({"IC MARKETS:1"}), {}, 0)
    it.run(1)
    assert it.line.error("Invalid symbol IC MARKETS:1", it.now_s)
    assert it.slots.assigned == frozenset()


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3)),
            st.floats(0, 5),
            st.booleans(),
        ),
        max_size=6,
    ),
    st.integers(1, 6),
    st.integers(1, 8),
    st.floats(0, 5),
)
@example([({"A": 0, "B": 0, "C": 0}, 0.0, False)], 3, 1, 4.0)
@example([({"A": 3, "B": 1, "C": 0, "G": 3}, 0.0, False)], 7, 1, 1.5)
@example([({"E": 3, "F": 3, "B": 0, "G": 0, "H": 1}, 0.0, True)], 6, 2, 1.5331649068357818)
def test_line_and_slots_agree_in_the_end_whatever_upstream_takes(
    history: list[tuple[dict[str, int], float, bool]], limit: int, cap: int, late_s: float
) -> None:
    """Upstream never holds more than the limit; when nothing changes any more, it holds exactly
    what has a slot, and as many as it takes.
    """
    it = Upstream(limit, cap, late_s)
    wanted: dict[str, int] = {}
    for wanted, seconds, reopened in history:
        it.want("".join(wanted), wanted)
        if reopened:
            it.reopen()
        it.run(seconds)
        assert it.most <= limit
    it.reopen()
    it.run(400)
    assert it.line.subscribed == it.taken == it.slots.assigned
    assert len(it.taken) == min(limit, cap, len(wanted))
    assert it.most <= limit


def test_commands_are_distinguished_by_type() -> None:
    """Subscribe and unsubscribe are different facts."""
    slots = Slots(1)
    line = Subscriptions(slots, Spellings())
    slots.want(frozenset("A"), {}, 0)
    assert line.take(0) == Subscribe(symbol="A")
    slots.want(frozenset(), {}, 1)
    assert line.take(1) == Unsubscribe(symbol="A")
    assert line.take(2) is None
