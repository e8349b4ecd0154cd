"""Settings of all tests."""

from hypothesis import settings

# a deadline is a timed assertion: on a busy machine it fails, though nothing is wrong
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
