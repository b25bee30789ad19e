"""The memory of answers: as a bounded map whose entries die."""

from hypothesis import given
from hypothesis import strategies as st

from photon_app.feed.finnhub.answers import Answers

questions = st.integers(0, 5)
lives = st.one_of(st.integers(0, 5), st.just(1000))
steps = st.lists(st.tuples(st.booleans(), questions, st.integers(0, 3), lives), max_size=40)


@given(st.integers(1, 4), steps)
def test_it_answers_as_a_plain_list_would(
    capacity: int, plan: list[tuple[bool, int, int, int]]
) -> None:
    """The longest unused leaves when it is full; nothing outlives its time."""
    answers: Answers[int, int] = Answers(capacity)
    model: list[tuple[int, int, int]] = []  # question, answer, until; the longest unused first
    now = 0
    for number, (keeping, question, passes, life) in enumerate(plan):
        now += passes
        known = next((entry for entry in model if entry[0] == question), None)
        if keeping:
            model = [entry for entry in model if entry is not known]
            model = [*model, (question, number, now + life)][-capacity:]
            answers.keep(question, number, now + life)
        else:
            model = [entry for entry in model if entry is not known]
            alive = known is not None and now < known[2]
            if alive and known is not None:
                model.append(known)
            assert answers.get(question, now) == (known[1] if alive and known else None)
        assert len(answers) == len(model) <= capacity


def test_the_longest_unused_makes_room() -> None:
    """To be asked for is to be used."""
    answers: Answers[str, int] = Answers(2)
    answers.keep("a", 1, 10.0)
    answers.keep("b", 2, 10.0)
    assert answers.get("a", 0.0) == 1
    answers.keep("c", 3, 10.0)
    assert [answers.get(question, 0.0) for question in "abc"] == [1, None, 3]
