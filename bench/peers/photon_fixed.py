"""Photon that flushes every ``PHOTON_FLUSH_MS`` under load, whatever a flush costs."""

import runpy

from photon_app.hub import flusher
from photon_app.hub.channels import every

flusher.SHARE = 1e-9
every.LEAST_PART = 2.0

if __name__ == "__main__":
    runpy.run_module("photon_app", run_name="__main__", alter_sys=True)
