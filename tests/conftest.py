"""What holds for all tests."""

import signal

from hypothesis import HealthCheck, settings

# A shell that runs the tests in the background has Ctrl-C ignored, which every program of theirs would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No example is about time, and the machine may be busy.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
