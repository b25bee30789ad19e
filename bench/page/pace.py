"""What a page with moving prices costs: frames, main thread, long tasks, and how old prices are.

The age of a price is that of its text: at the end of each frame, one row in view after the other,
the time since the tape printed what the row has shown since the frame before. So it has the way
through the server in it, the wait for the page's own pace, and the frame itself.
"""

from typing import Any

from playwright.sync_api import Browser

from bench.findings import Finding
from bench.page.stage import Stage, fed, simulated
from bench.page.visit import ROWS, Visit, visit
from bench.tape import price_at

SECONDS = 10.0
WARM_S = 4.0
RATE = 1200.0
SLOWER = 4
FRESH_S = 0.5

_FRAMES = """async ([seconds, since, from, rows]) => {
  const now = () => performance.timeOrigin + performance.now() - since;
  const isAmount = (text) => /^\\d[\\d,]*\\.\\d+$/.test(text);
  const amount = (text) => (isAmount(text) ? Number(text.replaceAll(",", "")) : NaN);
  const age = (element) => now() - (amount(element.textContent.trim()) - from) * 1000;
  const priced = (element) => { const ms = age(element); return ms > -1000 && ms < 60_000; };
  const price = (row) => [...row.querySelectorAll("*")].filter(priced).at(-1);
  const inView = (row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  };
  const shown = since === null ? [] : [...document.querySelectorAll(rows)].filter(inView);
  const cells = shown.map(price), frames = [], ages = [];
  await new Promise((done) => {
    let last = performance.now(), turn = 0;
    const end = last + seconds * 1000;
    const frame = () => {
      const at = performance.now(), place = turn++ % cells.length;
      frames.push(at - last);
      last = at;
      if (cells.length && !cells[place]?.isConnected) cells[place] = price(shown[place]);
      if (cells[place]) ages.push(age(cells[place]));
      if (at < end) requestAnimationFrame(frame); else done();
    };
    requestAnimationFrame(frame);
  });
  return { frames, ages };
}"""
"""Milliseconds from frame to frame, and the ages of prices, ms."""


def fifty(browser: Browser) -> list[Finding]:
    """Fifty rows at 1,200 trades a second, slowed down and not."""
    with fed(RATE) as stage:
        return [
            *_paced(browser, stage, SLOWER, least_fps=30, most_share=None),
            *_paced(browser, stage, 1, least_fps=57, most_share=None),
        ]


def ten(browser: Browser) -> list[Finding]:
    """The ten rows that a new user sees, slowed down."""
    with simulated() as stage:
        return _paced(browser, stage, SLOWER, least_fps=55, most_share=0.35)


def _paced(
    browser: Browser, stage: Stage, throttle: int, *, least_fps: float, most_share: float | None
) -> list[Finding]:
    with visit(browser, stage, throttle=throttle) as seen:
        seen.wait_priced()
        stage.wait_wanted()
        seen.rest(WARM_S)
        loaded_ms = seen.page.evaluate("performance.now()")
        before = seen.metrics()
        told = _watch(seen, stage)
        after = seen.metrics()
        longest = seen.longest_task_ms(loaded_ms)
    frames: list[float] = told["frames"]
    fps = len(frames) / (sum(frames) / 1000)
    share = (after["TaskDuration"] - before["TaskDuration"]) / (
        after["Timestamp"] - before["Timestamp"]
    )
    feed = f"{RATE:,.0f} trades/s" if stage.tape else "the simulator"
    speed = f"processor {throttle}× slower" if throttle > 1 else "processor at full speed"
    what = f"{len(stage.symbols)} rows, {feed}, {speed}"
    slow = sorted(frames)[int(len(frames) * 0.95)]
    return [
        Finding(
            f"{what}: frames",
            f"{fps:.1f} a second, 95 % within {slow:.0f} ms",
            f"≥ {least_fps:.0f} a second",
            fps >= least_fps,
        ),
        Finding(
            f"{what}: main thread",
            f"{share:.0%} busy",
            f"≤ {most_share:.0%}" if most_share else "",
            share <= most_share if most_share else None,
        ),
        Finding(
            f"{what}: longest task after load",
            f"{longest:.0f} ms" if longest else "none above 50 ms",
            "≤ 50 ms",
            longest <= 50,
        ),
        *_ages(what, told["ages"], told=stage.since_ms is not None),
    ]


def _watch(seen: Visit, stage: Stage) -> dict[str, Any]:
    answer: dict[str, Any] = seen.page.evaluate(
        _FRAMES, [SECONDS, stage.since_ms, price_at(0), ROWS]
    )
    return answer


def _ages(what: str, ages_ms: list[float], *, told: bool) -> list[Finding]:
    if not told:
        return []
    bar = f"95 % ≤ {FRESH_S} s"
    if not ages_ms:
        return [Finding(f"{what}: age of the prices shown", "no row shows a price", bar, False)]
    ages = sorted(ages_ms)
    middle, late = ages[len(ages) // 2] / 1000, ages[int(len(ages) * 0.95)] / 1000
    figure = f"median {middle:.2f} s, 95 % within {late:.2f} s"
    return [Finding(f"{what}: age of the prices shown", figure, bar, late <= FRESH_S)]
