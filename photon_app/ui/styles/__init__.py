"""The rules of the page's look, by part of the page; ``ui/theme.py`` puts them behind its tokens."""
