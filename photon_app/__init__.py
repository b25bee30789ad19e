"""Photon: a self-hosted, real-time stock ticker in one Reflex app."""

__version__ = "0.1.0"
