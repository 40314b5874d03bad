"""The shipped units: what systemd-analyze says of them, and that their numbers fit those of the code."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon.cli import exits
from daemon.core.renewals import MOST_RENEWALS, RENEWED_WITHIN
from daemon.service import daemon, units

FOLDER = Path(__file__).parents[2] / "systemd"
ALL = ("orgsync.service", "orgsync@.service", "user/orgsync.service")
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(
    ANALYZE is None, reason="systemd-analyze is the judge, and this machine has none (Debian: apt install systemd)"
)


def setting(name: str, key: str) -> str:
    [value] = re.findall(rf"^{key}=(.*)$", (FOLDER / name).read_text(), re.MULTILINE)
    return value


def judged(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ANALYZE), *args], capture_output=True, text=True, timeout=60, check=False)


@needs_systemd
@pytest.mark.parametrize("name", ["orgsync.service", "orgsync@x.service"])
def test_the_exposure_is_at_most_1_5(tmp_path: Path, name: str) -> None:
    """By systemd's own count, offline. Skipped only where there is no systemd-analyze: nothing else knows its marks."""
    shipped = FOLDER / ("orgsync@.service" if "@" in name else name)
    copy = tmp_path / name
    copy.write_text(shipped.read_text())
    said = judged("security", "--offline=true", "--threshold=15", str(copy))
    assert said.returncode == 0, said.stdout + said.stderr
    [score] = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout)
    assert 0 < float(score) <= 1.5


@needs_systemd
@pytest.mark.parametrize("name", ALL)
def test_systemd_reads_every_line(tmp_path: Path, name: str) -> None:
    """Skipped only where there is no systemd-analyze: no other program knows which lines systemd understands."""
    program = tmp_path / "orgsync"
    program.touch(mode=0o755)
    copy = tmp_path / Path(name).name.replace("@.", "@x.")
    copy.write_text((FOLDER / name).read_text().replace("/opt/orgsync/bin/orgsync", str(program)))
    said = judged("verify", "--man=no", str(copy))
    assert (said.returncode, [line for line in said.stderr.splitlines() if copy.name in line]) == (0, [])


def test_the_template_differs_from_the_unit_by_its_instance_only() -> None:
    assert (FOLDER / "orgsync@.service").read_text() == units.instanced((FOLDER / "orgsync.service").read_text())
    assert setting("orgsync@.service", "User") == setting("orgsync@.service", "StateDirectory") == "orgsync-%i"


@pytest.mark.parametrize("name", ALL)
def test_no_loop_of_restarts_can_use_up_the_token_refreshes_and_none_ends_by_itself(name: str) -> None:
    span, most = int(setting(name, "StartLimitIntervalSec")), int(setting(name, "StartLimitBurst"))
    assert span >= RENEWED_WITHIN.total_seconds()
    assert most <= MOST_RENEWALS
    assert span / int(setting(name, "RestartSec")) + 1 < most


@pytest.mark.parametrize("name", ALL)
def test_what_a_restart_cannot_mend_is_not_restarted(name: str) -> None:
    codes = {int(code) for code in setting(name, "RestartPreventExitStatus").split()}
    assert codes == {exits.BAD_SETTINGS, exits.USAGE}  # a refused credential does not end it (test_notify.py)
    assert setting(name, "Restart") == "on-failure"


@pytest.mark.parametrize("name", ALL)
def test_its_times_leave_room_for_the_codes(name: str) -> None:
    assert daemon._GRACE_S < daemon._LAST_S + daemon._TICK_S < 10 < int(setting(name, "TimeoutStopSec"))
    assert int(setting(name, "WatchdogSec")) >= 60
