"""The rules of the page's look, by part of the page, behind the tokens of ``ui/theme.py``."""
