"""The dashboard, written in Python; prices reach it over Photon's own ``/ws``."""
