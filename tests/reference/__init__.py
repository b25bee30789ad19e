"""The rules of docs/market-data.md, written a second time: what a list of trades comes to.

Slow, plain, and nothing of Photon's. Every test that needs to know what must be asks here: what a
trade may change (``prints``), which day it is of (``days``), last price and day (``book``), and
bars (``bars``).
"""
