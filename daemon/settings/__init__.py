"""settings.toml and the secrets it names, checked once, at the door, and handed inward as core's plain values.

The only reader of files and environment for settings. `load` either gives a whole `Settings` or raises one
`SettingsError` with every problem found; nothing starts half-configured.
"""

from daemon.settings.load import Settings, UnknownStreamError, load
from daemon.settings.problem import Problem, SettingsError

__all__ = ["Problem", "Settings", "SettingsError", "UnknownStreamError", "load"]
