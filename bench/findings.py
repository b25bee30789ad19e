"""A finding: a figure, the bar that it has to meet, and whether it does."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One row of the table of bars."""

    what: str
    figure: str
    bar: str
    holds: bool | None = None
    """``None`` for a figure without a bar."""

    @property
    def verdict(self) -> str:
        """Whether the bar is met, as a word."""
        return "" if self.holds is None else ("yes" if self.holds else "**no**")

    def __str__(self) -> str:
        verdict = {None: "", True: " · holds", False: " · DOES NOT HOLD"}[self.holds]
        bar = f" (bar: {self.bar})" if self.bar else ""
        return f"{self.what}: {self.figure}{bar}{verdict}"
