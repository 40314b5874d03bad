"""Commands in this process: quicker than one of their own, and all that they print is there."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from daemon import cli
from daemon.emulator import Emulator
from tests.service.site import Site


@dataclass
class Inside:
    """A site, and a way to run a command in its folder with its environment. `said` is what it printed last."""

    site: Site
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    said: str = ""

    def run(self, *args: str, stdin: str = "") -> int:
        for name, value in self.site.env.items():
            self.monkeypatch.setenv(name, value)
        self.monkeypatch.chdir(self.site.folder)
        self.monkeypatch.setattr(sys, "argv", ["orgsync", "--settings", str(self.site.settings), *args])
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = self.capsys.readouterr()
        self.said = out + err
        return int(ended.value.code or 0)

    def check(self, *args: str) -> tuple[int, list[dict[str, Any]]]:
        """The exit code of `orgsync check`, and its findings."""
        code = self.run("check", "--json", *args)
        return code, [json.loads(line) for line in self.said.splitlines() if line.startswith("{")]

    def edit(self, old: str, new: str) -> None:
        text = self.site.settings.read_text()
        assert old in text
        self.site.settings.write_text(text.replace(old, new))


def inside(
    emu: Emulator, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **more: Any
) -> Inside:
    site = Site(emu, folder, **{"modules": ("Leads",), **more})
    site.settings.write_text(site.settings.read_text().replace('poll = "1s"', 'poll = "60s"'))
    return Inside(site, monkeypatch, capsys)


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with Emulator(("in", "us")) as running:
        yield running
