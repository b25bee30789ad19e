"""What Photon costs, measured on the machine at hand. ``make bench`` runs all and writes
``bench/RESULTS.md``; machines differ and are noisy, so compare figures of one run only.
"""
