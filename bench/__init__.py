"""Benchmarks of Photon on this machine. ``make bench`` runs all and writes ``bench/RESULTS.md``.
Machines differ and are noisy, so compare only figures of the same run.
"""
