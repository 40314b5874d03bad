"""One emulated org: its schema, people, records and recycle bin. State and behaviour without HTTP."""

from __future__ import annotations

from typing import Any

from daemon.emulator import trash
from daemon.emulator.bulk_jobs import Shelf
from daemon.emulator.catalog import DATA_CENTERS
from daemon.emulator.clock import Clock, zone_printer
from daemon.emulator.fields import Field
from daemon.emulator.people import Setup, User, staff
from daemon.emulator.quirks import Quirks
from daemon.emulator.replica import Replica
from daemon.emulator.schema import Module, fresh_schema
from daemon.emulator.side import SideTables
from daemon.emulator.snapshot import Snapshot, apply_snapshot
from daemon.emulator.store import Record, Table
from daemon.emulator.trash import Deleted

Json = dict[str, Any]


class Org:
    """One Zoho CRM organisation."""

    def __init__(
        self,
        *,
        data_center: str,
        clock: Clock,
        quirks: Quirks,
        edition: str,
        source: bool,
        snapshot: Snapshot | None = None,
    ) -> None:
        self.site = DATA_CENTERS[data_center]
        self.name = self.site.org
        self.data_center = data_center
        self.clock = clock
        self.quirks = quirks
        self.edition = edition
        self.source = source
        self.licences = 10
        self.write_delay = 0.0
        self.snapshot = snapshot
        self.reset()

    def reset(self) -> None:
        """As on the first day: standard schema, no records."""
        place = list(DATA_CENTERS).index(self.data_center)
        # 19 digits, increasing, and no two orgs share one (facts 11.19)
        self._base = (5_100_000 + 131 * place) * 10**12
        self._counter = 1_000
        self.org_id = self.new_id()
        self.zgid = str(56_000_047 + 1_117 * place)
        self.setup = Setup()
        self.users = staff(self.new_id, source=self.source, time_zone=self.site.time_zone)
        self.modules: dict[str, Module] = fresh_schema(self.new_id, source=self.source)
        if self.snapshot is not None:
            apply_snapshot(self, self.snapshot)
        self.tables: dict[str, Table] = {name: self._new_table(module) for name, module in self.modules.items()}
        self.bin: dict[str, dict[int, Deleted]] = {name: {} for name in self.modules}
        self.bulk = Shelf()
        self.serials: dict[tuple[str, str], int] = {}
        self.side = SideTables()
        self.walks: dict[int, list[Record]] = {}
        self._replica: Replica | None = None
        self._behind: Replica | None = None

    @staticmethod
    def _new_table(module: Module) -> Table:
        table = Table()
        for name in {module.system_unique, *module.unique_fields()} - {None}:
            table.ensure_index(str(name))
        for item in module.fields.values():
            if (module.is_rows and item.data_type == "lookup") or item.data_type == "multi_module_lookup":
                table.ensure_index(item.api_name)
        return table

    def add_module(self, module: Module) -> None:
        """A new module with its empty table."""
        self.modules[module.api_name] = module
        self.tables[module.api_name] = self._new_table(module)
        self.bin[module.api_name] = {}
        self.reader_reset()

    # --- ids and people

    def new_id(self) -> int:
        """The next id; ids only grow."""
        self._counter += 1
        return self._base + self._counter

    @property
    def administrator(self) -> User:
        """The user to whom the client's tokens belong."""
        return self.users[0]

    def user(self, number: int) -> User | None:
        """The user with this id."""
        return next((user for user in self.users if user.id == number), None)

    def time_text(self, moment: int) -> str:
        """A moment in the org's own zone."""
        return zone_printer(self.site.time_zone)(moment)

    # --- records

    def visible(self, module: str) -> Table:
        """The table as readers see it now."""
        if self._replica is None:
            return self.tables[module]
        if self._replica.catch_up(self.clock.now()):
            self._replica = None
            return self.tables[module]
        return self._replica.tables[module]

    def queried(self, module: str) -> Table:
        """The table as COQL sees it now, which may be behind every other reader (facts 11.1)."""
        if self._behind is not None and self._behind.catch_up(self.clock.now()):
            self._behind = None
        return self.visible(module) if self._behind is None else self._behind.tables[module]

    def put(self, module: str, record: Record) -> None:
        """Store a record; readers see it after `write_delay`."""
        self._follow(module, record.id, record)
        self.tables[module].put(record)

    def take(self, module: str, number: int) -> None:
        """Take a record out of its table, without a trace in the bin."""
        self._follow(module, number, None)
        self.tables[module].remove(number)

    def delete(self, module: str, number: int, *, by: int, permanent: bool = False) -> Record | None:
        """Move a record to the recycle bin (facts 5.1)."""
        return trash.delete(self, module, number, by=by, permanent=permanent)

    def restore(self, module: str, number: int) -> Record | None:
        """Take a record out of the recycle bin; it keeps its id (facts 5.4)."""
        return trash.restore(self, module, number)

    def rows(self, item: Field, number: int) -> list[Record]:
        """The rows that a subform or multi-lookup field of a record holds, oldest first."""
        table = self.visible(str(item.child))
        return [table.records[row] for row in table.holders(item.back, number)] if len(table) else []

    def holders(self, module: Module, name: str, value: Any, owner: int | None = None) -> list[int]:
        """The records that hold a value in a unique, external or system field; user externals: only `owner`'s (4.8)."""
        records, item = self.tables[module.api_name].records, module.fields.get(name)
        found = self.tables[module.api_name].holders(name, value)
        if item is not None and item.unique and item.case_sensitive:
            found = [number for number in found if records[number].values.get(name) == value]
        if item is not None and item.external == "user" and owner is not None:
            found = [number for number in found if records[number].owner == owner]
        return found

    def next_serial(self, module: str, name: str) -> int:
        """The next number of an auto-number field."""
        self.serials[module, name] = self.serials.get((module, name), 0) + 1
        return self.serials[module, name]

    def module_of(self, number: int, among: tuple[str, ...]) -> str | None:
        """In which of some modules a record lives, or lay before it was deleted (multi-module lookups)."""
        live = next((name for name in among if name in self.tables and number in self.tables[name].records), None)
        return live or next((name for name in among if name in self.bin and number in self.bin[name]), None)

    def _follow(self, module: str, number: int, record: Record | None) -> None:
        now, lag = self.clock.now(), float(self.quirks["coql_lag"])
        if self.write_delay > 0 and self._replica is None:
            self._replica = Replica(self.tables)
        if lag > 0 and self._behind is None:
            self._behind = Replica(self.tables)
        if self._replica is not None:
            self._replica.push(now + self.write_delay, module, number, record)
        if self._behind is not None:
            self._behind.push(now + max(lag, self.write_delay), module, number, record)

    def reader_reset(self) -> None:
        """Forget hidden writes: after a bulk change of the tables everything is visible."""
        self._replica = self._behind = None

    def display_name(self, module: str, number: int) -> str | None:
        """The name that a lookup to this record shows; None when there is no such record."""
        record = self.tables[module].records.get(number)
        if record is None:
            entry = self.bin[module].get(number)
            return entry.name if entry is not None else None
        return display_name(self.modules[module], record)


def full_name(values: dict[str, Any]) -> str | None:
    """The computed Full_Name (facts 2.6)."""
    parts = [str(values[key]) for key in ("First_Name", "Last_Name") if values.get(key)]
    return " ".join(parts) or None


def display_name(module: Module, record: Record) -> str:
    """What a record is called."""
    if module.display == "id":
        return str(record.id)
    if module.display == "Full_Name":
        return full_name(record.values) or ""
    return str(record.values.get(module.display) or "")
