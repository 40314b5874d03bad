"""The long-running process: scheduler, signals, readiness, and the requests of other commands."""
