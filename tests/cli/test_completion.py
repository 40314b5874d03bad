"""Shell completion: the printed script is run in bash, and offers what the parser knows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from daemon import cli
from daemon.cli import drop

ENV = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def said(*words: str, **env: str) -> str:
    done = subprocess.run(words, env={**ENV, **env}, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def options(command: click.Command) -> set[str]:
    return {name for option in command.get_params(click.Context(command)) for name in option.opts if name[:2] == "--"}


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_options_and_choices_as_the_parser_knows_them() -> None:
    def completed(*words: str) -> set[str]:
        typed = " ".join(f"'{word}'" for word in ("orgsync", *words))
        script = (
            f"set -eu; source <(orgsync completion bash); COMP_WORDS=({typed}); COMP_CWORD={len(words)}; "
            '_orgsync_completion orgsync; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        return set(said("bash", "--norc", "-c", script).splitlines())

    assert completed("") == set(cli.COMMANDS)
    assert completed("re") == {"retry", "release", "resync"}
    assert completed("drop", "--") == options(drop.command)
    assert completed("demo", "--example", "global") == {"global-and-regional"}


SETTINGS = """
[orgs.india]
client_id = 1
[orgs.us]
[routes.india-to-us.modules.Leads]
notes = true
attachments = "1d"
[routes.india-to-us.modules.Deals]
[routes.back]
modules = 7
"""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("release", ["india-to-us/Leads", "india-to-us/Leads/Attachments", "india-to-us/Deals", "india-to-us/Notes"]),
        ("resync india-to-us/L", ["india-to-us/Leads", "india-to-us/Leads/Attachments"]),
        ("retry --stream india-to-us/D", ["india-to-us/Deals"]),
        ("queue --stream x", []),
        ("match india-to-us/N", ["india-to-us/Notes"]),
        ("auth ", ["india", "us"]),
        ("snapshot u", ["us"]),
        ("egress ", ["india-to-us", "back"]),
    ],
)
def test_names_of_the_settings_are_offered_even_where_other_things_in_them_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, offered: list[str]
) -> None:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    words, _, incomplete = typed.rpartition(" ") if " " in typed else (typed, "", "")
    found = ShellComplete(cli.app, {}, "orgsync", "_ORGSYNC_COMPLETE").get_completions(words.split(), incomplete)
    assert [item.value for item in found] == offered
    elsewhere = ["--settings", "absent.toml", *words.split()]
    assert ShellComplete(cli.app, {}, "orgsync", "_ORGSYNC_COMPLETE").get_completions(elsewhere, incomplete) == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_of_their_own_and_the_same_answers(shell: str) -> None:
    assert f"_ORGSYNC_COMPLETE={shell}_complete" in said("orgsync", "completion", shell)
    typed = {"COMP_WORDS": "orgsync qu", "COMP_CWORD": "qu" if shell == "fish" else "1"}
    assert "queue" in said("orgsync", **typed, _ORGSYNC_COMPLETE=f"{shell}_complete")
