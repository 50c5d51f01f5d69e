"""What holds for all tests."""

import signal

# A shell that runs the tests in the background has Ctrl-C ignored, which every program of theirs would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
