"""A walk through the page as it is built: every state, on every size, in every look.

``make walk`` takes all of it and leaves its pictures in ``walk/``; ``test_walk.py`` takes a short
form. To add a state: a function in ``steps.py`` and its line in the table there. What a control is
called stands in ``hand.py`` only, what must hold everywhere in ``laws.py``.
"""
