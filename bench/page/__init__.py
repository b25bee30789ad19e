"""What the page costs a browser, measured in Chromium. ``python -m bench.page`` runs it.

It needs the browser of the page's tests and is not a part of ``make bench``, which has none.
"""
