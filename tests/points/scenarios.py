"""What is being done while the process is killed, or while something goes wrong. Each is set up once, then replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.points.sizes import LARGE, SEVERAL, WRITTEN, Sizes
from tests.points.stage import Stage, staged
from tests.points.warm import Warm

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`play` brings a stage to the moment before `orgsync once` has something to do."""

    name: str
    modules: tuple[str, ...]
    play: Callable[[Stage], None]
    stream: tuple[tuple[str, str], ...] = ()
    excused: frozenset[str] = frozenset()
    sizes: Sizes = field(default_factory=dict)

    @contextmanager
    def staged(self, folder: Path, warm: Warm, lag: int = 0) -> Iterator[Stage]:
        """A stage on which everything is ready and kept."""
        with staged(folder / f"{self.name}-{lag}", warm, self.modules, lag) as stage:
            stage.excused, stage.sizes = self.excused, dict(self.sizes)
            stage.settle_in(**dict(self.stream))
            self.play(stage)
            stage.pass_time(lag + 1)
            stage.keep()
            yield stage


def _once(stage: Stage, *, code: int = 0) -> None:
    """What is in A now is older than the horizon, so that no later poll reads it again."""
    stage.pass_time(stage.lag + 2)
    assert stage.run("once") == code, stage.output()
    stage.pass_time(2)


def _lead(stage: Stage, name: str, **values: Any) -> str:
    return stage.a.insert_raw("Leads", {"Last_Name": name, "Company": "C", "Description": "1", **values})


def _refused(stage: Stage, module: str, number: str) -> None:
    """B will never take this e-mail address."""
    stage.defects.append({"module": module, "id": number, "kind": "bad_email", "field": "Email"})


def _first(stage: Stage) -> None:
    """Nothing has ever run: no ledger, no token."""
    _lead(stage, "First")


def _convoy(stage: Stage) -> None:
    """New records on three pages of two batches each: calls go side by side, and a page is planned meanwhile."""
    _once(stage)
    for number in range(12):
        _lead(stage, f"L{number}")
        stage.pass_time(1)


def _create(stage: Stage) -> None:
    """Three new records in one batch."""
    _once(stage)
    for name in "ABC":
        _lead(stage, name, Email=f"{name}@example.com".lower())


def _create_refused(stage: Stage) -> None:
    """Four new records in one batch, one of which is refused."""
    _create(stage)
    _refused(stage, "Leads", _lead(stage, "Bad", Email="none"))


def _update(stage: Stage) -> None:
    """Three edited records in one batch; a fourth stays as it is."""
    numbers = [_lead(stage, name) for name in "ABCD"]
    _once(stage)
    for number in numbers[:3]:
        stage.a.edit("Leads", number, {"Description": "2", "City": "Pune"})


def _family(stage: Stage) -> None:
    """A parent, its child, the child of both, and a child whose parent is refused."""
    _once(stage)
    account = stage.a.insert_raw("Accounts", {"Account_Name": "Parent", "Description": "1"})
    contact = stage.a.insert_raw(
        "Contacts", {"Last_Name": "Child", "Account_Name": {"id": account}, "Description": "1"}
    )
    deal = {"Deal_Name": "Grandchild", "Stage": "Qualification", "Closing_Date": "2027-01-31", "Description": "1"}
    stage.a.insert_raw("Deals", {**deal, "Account_Name": {"id": account}, "Contact_Name": {"id": contact}})
    bad = stage.a.insert_raw("Contacts", {"Last_Name": "Bad", "Email": "none"})
    stage.a.insert_raw("Deals", {**deal, "Deal_Name": "Orphan", "Contact_Name": {"id": bad}})
    _refused(stage, "Contacts", bad)


def _retry(stage: Stage) -> None:
    """Two records that were held by a picklist of B, which has the value by now, and one of them was edited since."""
    stage.emu.quirks(unknown_picklist="reject")
    numbers = [_lead(stage, name, Lead_Source="Carrier Pigeon") for name in "AB"]
    _once(stage, code=1)
    stage.b.change_field("Leads", "Lead_Source", add_values=["Carrier Pigeon"])
    assert stage.run("retry", "--stream", "india-to-us/Leads") == 0, stage.output()
    stage.a.edit("Leads", numbers[0], {"Description": "2"})


def _orphans(stage: Stage) -> None:
    """Children that are held until their parent, which was refused, is repaired in A."""
    account = stage.a.insert_raw("Accounts", {"Account_Name": "Parent", "Description": "1", "Website": "x" * 600})
    for name in "AB":
        stage.a.insert_raw("Contacts", {"Last_Name": name, "Account_Name": {"id": account}, "Description": "1"})
    _once(stage, code=1)
    stage.a.edit("Accounts", account, {"Website": "www.example.com", "Description": "2"})


def _delete(stage: Stage) -> None:
    """Two records deleted in A, one that was deleted and came back, one that stays."""
    numbers = [_lead(stage, name) for name in "ABCD"]
    _once(stage)
    stage.a.delete("Leads", numbers[3])
    _once(stage)
    for number in numbers[:2]:
        stage.a.delete("Leads", number)
    stage.a.restore("Leads", numbers[3])
    stage.a.edit("Leads", numbers[3], {"Description": "2"})


def _changed(stage: Stage) -> None:
    """Records that the filter kept out until it was taken out of the settings."""
    stage.settle_in(where="Description = 'none'")
    for name in "AB":
        _lead(stage, name)
    _once(stage)
    stage.settle_in()


def _back(stage: Stage) -> None:
    """A record whose deletion waits to be looked at, and that is back by now; one that stays deleted."""
    numbers = [_lead(stage, name) for name in "ABC"]
    _once(stage)
    for number in numbers[:2]:
        stage.a.delete("Leads", number)
    stage.a.faults.next("list", effect="status", status=500, code="INTERNAL_ERROR", times=9)
    stage.pass_time(stage.lag + 2)
    stage.run("once")
    stage.emu.clear_faults()
    assert stage.sql("select count(*) from retry_queue where state = 'due'") == [(2,)], stage.output()
    stage.a.restore("Leads", numbers[0])


def _load(stage: Stage, names: str = "ABC") -> None:
    """A first load from a file; until now nothing could be read."""
    stage.emu.quirks(bulk_job_seconds=0)
    for name in names:
        _lead(stage, name)
    stage.a.faults.next("coql", effect="status", status=500, code="INTERNAL_ERROR", times=9)
    stage.run("once")
    stage.emu.clear_faults()
    stage.pass_time(stage.lag + 2)


def _written(stage: Stage) -> None:
    """One that is written by a job, but for the first page and the last."""
    _load(stage, "ABCDEFG")


_LEADS: Final = ("Leads",)
SCENARIOS: Final = {
    one.name: one
    for one in (
        Scenario(name="first migration", modules=_LEADS, play=_first),
        Scenario(name="create", modules=_LEADS, play=_create),
        Scenario(name="pages side by side", modules=_LEADS, play=_convoy, sizes=SEVERAL),
        Scenario(name="large first load", modules=_LEADS, play=_load, sizes=LARGE),
        Scenario(
            name="first load by bulk write", modules=_LEADS, play=_written, stream=(("bulk", "write"),), sizes=WRITTEN
        ),
        Scenario(name="create, one refused", modules=_LEADS, play=_create_refused),
        Scenario(name="update", modules=_LEADS, play=_update),
        Scenario(name="delete", modules=_LEADS, play=_delete, stream=(("deletes", "delete"),)),
        Scenario(name="deleted and back", modules=_LEADS, play=_back, stream=(("deletes", "delete"),)),
        Scenario(name="parent with children", modules=("Accounts", "Contacts", "Deals"), play=_family),
        # all is read again: what the old rules had passed lies below the checkpoint until that goes back to the start
        Scenario(name="changed rules", modules=_LEADS, play=_changed, excused=frozenset({"I1", "I6"})),
        Scenario(name="retry", modules=_LEADS, play=_retry),
        Scenario(name="held children", modules=("Accounts", "Contacts"), play=_orphans),
    )
}
