"""The same life as a state machine of few rules, so that hypothesis finds the shortest story of a failure."""

from __future__ import annotations

import random
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.lives.deeds import DEEDS
from tests.lives.draw import LOOSE, Plan
from tests.lives.life import Life
from tests.lives.stand import Crash

PLAN = Plan(
    seed=1,
    modules=("Accounts", "Contacts"),
    keyed=True,
    filtered=False,
    stream={
        "key": "Source_Record_ID",
        "lag": timedelta(0),
        "max_attempts": 12,
        "deletes": "ignore",
        "flag": None,
        "gone": "hold",
        "drift": "report",
        "fuse": LOOSE,
    },
    all_unique=False,
    reader="coql",
    sizes={},
    quirks={"unknown_picklist": "reject"},
    faults=(),
    stalls=(),
    rate=0.0,
    crash_rate=0.0,
    meddle_rate=0.0,
    meddles=("edit",),
    tick=0.4,
    hidden_s=0.0,
    steps=(),
)
KINDS = ("before call", "after call", "before statement", "before commit")


class Machine(RuleBasedStateMachine):
    """People create and edit; the daemon runs, and may be killed at any call or statement. The end must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="life"))
        self.life = Life(PLAN, self.folder, [])
        self.life.stand.__enter__()

    @rule(kind=st.sampled_from(("create", "child", "edit", "flurry", "blank", "refuse")), dice=st.integers(0, 50))
    def deed(self, kind: str, dice: int) -> None:
        DEEDS[kind](self.life.people, random.Random(dice))

    @rule(seconds=st.sampled_from((0.5, 1.0, 20.0)))
    def time_passes(self, seconds: float) -> None:
        self.life.stand.advance(seconds)

    @rule(kill=st.none() | st.tuples(st.sampled_from(KINDS), st.integers(1, 60)))
    def cycle(self, kill: tuple[str, int] | None) -> None:
        stand = self.life.stand
        random.seed(1)
        here = 0 if kill is None else stand.calls if kill[0].endswith("call") else stand.statements
        stand.crash = None if kill is None else (kill[0], here + kill[1])
        try:
            stand.start().once()
        except Crash:
            stand.stop()
            self.life.watch.ledger(stand.sql)
        stand.crash = None
        self.life.watch.between(stand.sql)

    def teardown(self) -> None:
        try:
            self.life.end()
        finally:
            self.life.stand.__exit__()
            self.life.people.close()
            shutil.rmtree(self.folder, ignore_errors=True)


Machine.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
test_machine = pytest.mark.timeout(600)(Machine.TestCase)  # the machine may be busy
