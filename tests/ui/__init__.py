"""Tests of the dashboard's rules; the page in a browser is tested in ``tests/e2e``."""
