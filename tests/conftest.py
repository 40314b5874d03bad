"""Ctrl-C is tested whoever has started the suite: what a shell runs in the background ignores it."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
