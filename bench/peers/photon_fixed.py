"""Photon that flushes every ``PHOTON_FLUSH_MS`` under load, whatever a flush costs."""

import runpy

from photon_app.hub import flusher

flusher.SHARE = 1e-9
flusher.LEAST_PART = 2.0

if __name__ == "__main__":
    runpy.run_module("photon_app", run_name="__main__", alter_sys=True)
