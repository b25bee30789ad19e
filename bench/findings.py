"""What was found: a figure beside the bar that it has to pass, and whether it does."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of the table of bars."""

    what: str
    figure: str
    bar: str
    holds: bool | None = None
    """``None`` for a figure without a bar."""

    @property
    def verdict(self) -> str:
        """As a word."""
        return "" if self.holds is None else ("yes" if self.holds else "**no**")

    def __str__(self) -> str:
        verdict = {None: "", True: " · holds", False: " · DOES NOT HOLD"}[self.holds]
        bar = f" (bar: {self.bar})" if self.bar else ""
        return f"{self.what}: {self.figure}{bar}{verdict}"
