"""How hard properties are tried, everywhere."""

from hypothesis import settings

# No deadline: how long one example takes says more about the machine than about the law.
settings.register_profile("photon", deadline=None, max_examples=60)
settings.load_profile("photon")
