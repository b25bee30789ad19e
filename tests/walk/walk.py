"""One step on one screen: the way to its state, a picture in each look, and what breaks a law."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tests.browser import ARGUMENTS, find
from tests.page.visitor import Visitor
from tests.walk import laws
from tests.walk.hand import Guest
from tests.walk.servers import Servers, moment
from tests.walk.sizes import Look, Size
from tests.walk.steps import Step

Shoot = Callable[[Page, Look], object]
"""Makes a picture of the page in a look."""
PATIENCE_MS = 15_000
BRIEF_MS = 3_000
"""How long a step waits for what the page may not have."""
_PAINTED_MS = 250
"""A theme is painted after this, also on a chart."""


@dataclass(frozen=True)
class Ground:
    """What a walk needs."""

    browser: Browser
    servers: Servers


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """A browser, and Photons when they are asked for."""
    with sync_playwright() as playwright, Servers() as servers:
        browser = playwright.chromium.launch(executable_path=find(), args=[*ARGUMENTS])
        yield Ground(browser, servers)
        browser.close()


@dataclass
class Walked:
    """What came of a step on a screen."""

    step: Step
    size: Size
    skipped: str = ""
    """What the page does not have yet."""
    faults: list[str] = field(default_factory=list)
    """What broke a law, with the look in which it was first seen."""
    later: list[str] = field(default_factory=list)
    """The same of laws that the page does not keep yet."""

    def __str__(self) -> str:
        said = f"not yet: {self.skipped}" if self.skipped else f"{len(self.faults) or 'no'} faults"
        more = f", {len(self.later)} for later" if self.later else ""
        return f"{self.step.name} · {self.size.name}: {said}{more}"

    def note(self, law: laws.Law, words: str, look: str = "") -> None:
        """Remember what broke a law, once."""
        told = self.later if law in laws.NOT_YET else self.faults
        fault = f"{law}: {words}"
        if not any(known.startswith(fault) for known in told):
            told.append(fault + (f" ({look})" if look else ""))


def walk(
    ground: Ground,
    step: Step,
    size: Size,
    looks: Iterable[Look],
    shoot: Shoot = lambda *_: None,
) -> Walked:
    """Walk a step on a screen, in some looks.

    Args:
        ground: the browser, and where the Photon of the step is.
        step: the step.
        size: the screen.
        looks: the laws of colours must hold in each, the others in the first.
        shoot: makes a picture of each.
    """
    walked = Walked(step, size)
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(ground.servers.of(step.server))
        visitor = stack.enter_context(
            Visitor(
                ground.browser,
                process.http + step.path,
                at=moment(step.server),
                init_script=step.before,
                viewport={"width": size.width, "height": size.height},
                has_touch=size.touch,
                is_mobile=size.touch,
            )
        )
        guest = Guest(visitor, process, size, stack)
        if _led(guest, step, walked):
            for place, look in enumerate(looks):
                _put_on(guest.page, look)
                shoot(guest.page, look)
                check = laws.discoloured(guest.page) if place else laws.broken(guest.page, size)
                for law, words in check:
                    walked.note(law, words, look.name)
            for law, words in laws.passed(guest.page):
                if not (step.document and law == "stops"):
                    walked.note(law, words)
        if not walked.skipped and step.server != "mortal":
            walked.faults += visitor.complaints
    return walked


def _led(guest: Guest, step: Step, walked: Walked) -> bool:
    """Whether the step came to its state."""
    patience = BRIEF_MS if step.awaits else PATIENCE_MS
    expect.set_options(timeout=patience)
    guest.page.set_default_timeout(patience)
    try:
        step.lead(guest)
    except (AssertionError, Error) as error:
        if step.awaits:
            walked.skipped = step.awaits
        else:
            said = str(error).strip() or repr(error)
            walked.faults.append(f"not reached: {said.splitlines()[0]}")
    finally:
        expect.set_options(timeout=PATIENCE_MS)
        guest.page.set_default_timeout(PATIENCE_MS)
    return not walked.skipped


def _put_on(page: Page, look: Look) -> None:
    page.emulate_media(color_scheme=look.scheme, forced_colors=look.forced)
    page.wait_for_timeout(_PAINTED_MS)
