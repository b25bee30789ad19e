"""``bench/fanout.svg``: latency against throughput, and growth with the number of clients."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullFormatter

from bench.crowd import Crowd
from bench.ramp import Capacity, Step
from bench.results import Results

_INK, _FAINT, _GRID = "#1c1f24", "#6b7280", "#e5e7eb"
_COLOURS = {
    "photon": "#d9480f",
    "photon-each": "#f59f00",
    "bare": "#495057",
    "bare-joined": "#adb5bd",
    "send_json": "#862e9c",
    "starlette": "#c2255c",
    "broadcast": "#1971c2",
    "picows": "#0c8599",
    "node_ws": "#2f9e44",
    "bun": "#e64980",
    "nats": "#5f3dc4",
}
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "photon",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _GRID,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
}


def draw(results: Results, path: Path) -> None:
    """Draw what was measured."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10, 8.4), facecolor="white", layout="constrained")
        grid = figure.add_gridspec(2, 2, height_ratios=(1.35, 1))
        _capacity(figure.add_subplot(grid[0, :]), results.equal)
        _growth(
            figure.add_subplot(grid[1, 0]),
            results.crowds,
            lambda one: one.rss_kib_a_client,
            "memory of each client, KiB",
            linear=True,
        )
        _growth(
            figure.add_subplot(grid[1, 1]),
            results.crowds,
            lambda one: one.latency_ms[1],
            "p99 of one trade a second to each, ms",
        )
        figure.savefig(path, metadata={"Date": None})


def _capacity(axes: Axes, capacities: Sequence[Capacity]) -> None:
    for one in capacities:
        steps = _shown(one)
        rates, p99 = [s.delivered for s in steps], [s.p99_ms for s in steps]
        axes.plot(rates, p99, label=one.name, **_line(one.name))
    _frame(axes, "updates delivered a second", "trade to client, p99, ms")
    axes.set_title("500 clients, the same 10 symbols", loc="left", fontsize=10, color=_INK)
    if capacities:
        axes.legend(
            frameon=False, ncols=6, labelcolor=_INK, loc="lower right", bbox_to_anchor=(1, 1)
        )


def _shown(one: Capacity) -> list[Step]:
    """The sustained steps, and the first one beyond them."""
    best = one.best
    if best is None:
        return one.steps[:1]
    sustained = [step for step in one.steps if step.sustained]
    return sustained + [step for step in one.steps if step.offered > best.offered][:1]


def _growth(
    axes: Axes,
    crowds: Sequence[Crowd],
    figure: Callable[[Crowd], float],
    label: str,
    *,
    linear: bool = False,
) -> None:
    for name in dict.fromkeys(one.name for one in crowds):
        own = sorted((c for c in crowds if c.name == name), key=lambda c: c.clients)
        axes.plot([c.clients for c in own], [figure(c) for c in own], **_line(name))
    _frame(axes, "connected clients", label)
    if linear:
        axes.set_yscale("linear")
        axes.set_ylim(bottom=0)


def _line(name: str) -> dict[str, Any]:
    strong = name == "photon"
    return {
        "color": _COLOURS.get(name, _FAINT),
        "linewidth": 2.2 if strong else 1.2,
        "marker": "o",
        "markersize": 4 if strong else 2.5,
        "zorder": 3 if strong else 2,
    }


def _frame(axes: Axes, x: str, y: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(EngFormatter(sep=""))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
