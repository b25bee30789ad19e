"""Tests of ``photon_app.feed.recording.file``."""
