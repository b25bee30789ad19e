"""A short form of the walk: the main states on three screens, light and dark."""

import re
from collections.abc import Iterator

import pytest

from photon_app import ROOT
from tests.walk import album, tour
from tests.walk.sizes import DARK, DESK, LAPTOP, LIGHT, SMALL, Size
from tests.walk.steps import STEPS, Step
from tests.walk.walk import Ground, ground, walk

SHORT = [
    (step, size)
    for step in STEPS
    if step.short
    for size in {"live": (SMALL, LAPTOP, DESK), "trouble": (LAPTOP,)}.get(
        step.name, (SMALL, LAPTOP)
    )
]
"""What is open over the page looks alike on a laptop and on a large screen; trouble takes a server
of its own each time.
"""
TOUR = (ROOT / "docs" / "tour.md").read_text()


@pytest.fixture(scope="module")
def prepared() -> Iterator[Ground]:
    """A browser and what is walked, for this file."""
    with ground() as made:
        yield made


@pytest.mark.parametrize(
    ("step", "size"),
    [
        pytest.param(step, size, id=f"{step.name}, {size.name}")
        for step, size in SHORT
        if step.on(size)
    ],
)
def test_every_law_holds(prepared: Ground, step: Step, size: Size) -> None:
    """In a state of the page, on a screen, in both themes."""
    walked = walk(prepared, step, size, (LIGHT, DARK), album.taker(step, size))
    assert not walked.skipped
    assert walked.faults == []


def test_each_step_has_a_name_of_its_own() -> None:
    """Pictures are called by it, and ``--only`` chooses by it."""
    names = [step.name for step in STEPS]
    assert len(set(names)) == len(names)


def test_the_main_states_await_nothing() -> None:
    """Else the short form would pass over them."""
    assert [step.name for step in STEPS if step.short and step.awaits] == []


def test_the_tour_shows_its_pictures() -> None:
    """Each once, and no others."""
    shown = re.findall(r"tour/([\w-]+)\.webp", TOUR)
    assert shown == [picture.name for picture in tour.PICTURES]
    assert len(shown) <= tour.MOST


def test_a_picture_of_the_tour_is_small() -> None:
    """A clone has them for ever."""
    for path in tour.FOLDER.glob("*"):
        assert path.stat().st_size <= tour.MOST_BYTES, path.name


def test_a_picture_of_the_tour_is_of_a_state_that_there_is() -> None:
    """On a screen that has it."""
    steps = {step.name: step for step in STEPS}
    for picture in tour.PICTURES:
        assert steps[picture.step].on(picture.size), picture.name
