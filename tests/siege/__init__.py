"""Photon under siege: rude clients beside honest ones (``make siege``)."""
