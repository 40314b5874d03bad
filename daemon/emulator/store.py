"""The records of one module and the indexes that keep every read short. Knows neither HTTP nor field types.

A record is never changed in place: a write puts a new one. So a replica can share records with its original, and a page
that is being rendered cannot change under the renderer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sortedcontainers import SortedList

_ID_BITS = 64
_ID_MASK = (1 << _ID_BITS) - 1


class Record:
    """One record: system columns as attributes, everything else in `values` (absent = empty)."""

    __slots__ = ("created", "created_by", "id", "modified", "modified_by", "owner", "values")

    def __init__(
        self, number: int, created: int, modified: int, owner: int, created_by: int, modified_by: int,
        values: dict[str, Any],
    ) -> None:  # fmt: skip
        self.id = number
        self.created = created
        self.modified = modified
        self.owner = owner
        self.created_by = created_by
        self.modified_by = modified_by
        self.values = values

    def replaced(self, *, modified: int, modified_by: int, owner: int, values: dict[str, Any]) -> Record:
        """The same record after a write."""
        return Record(self.id, self.created, modified, owner, self.created_by, modified_by, values)


def time_key(modified: int, number: int) -> int:
    """Where (Modified_Time, id) stands in total order, as one number."""
    return (modified << _ID_BITS) | number


class HashIndex:
    """Ids by the value of one field; texts compare without case (facts 4.6)."""

    def __init__(self) -> None:
        self._ids: dict[Any, int | set[int]] = {}

    @staticmethod
    def key(value: Any) -> Any:
        """The form under which a value is filed."""
        if isinstance(value, str):
            return value.casefold()
        return repr(value) if isinstance(value, list | dict) else value

    def add(self, value: Any, number: int) -> None:
        """File `number` under `value`; empty values are not filed."""
        if value is None:
            return
        key = self.key(value)
        present = self._ids.get(key)
        if present is None:
            self._ids[key] = number
        elif isinstance(present, set):
            present.add(number)
        elif present != number:
            self._ids[key] = {present, number}

    def discard(self, value: Any, number: int) -> None:
        """Forget `number` under `value`."""
        if value is None:
            return
        key = self.key(value)
        present = self._ids.get(key)
        if isinstance(present, set):
            present.discard(number)
            if not present:
                del self._ids[key]
        elif present == number:
            del self._ids[key]

    def get(self, value: Any) -> list[int]:
        """The ids filed under `value`, ascending."""
        present = self._ids.get(self.key(value)) if value is not None else None
        if present is None:
            return []
        return sorted(present) if isinstance(present, set) else [present]


class Table:
    """All live records of one module."""

    def __init__(self) -> None:
        self.records: dict[int, Record] = {}
        self.ids: SortedList = SortedList()
        self.times: SortedList = SortedList()
        self._created: SortedList | None = None
        self._views: dict[tuple[str, bool], SortedList] = {}
        self._indexes: dict[str, HashIndex] = {}
        self.converted = 0

    def __len__(self) -> int:
        return len(self.records)

    # --- writing

    def put(self, record: Record) -> None:
        """Add a record, or replace the one with its id."""
        old = self.records.get(record.id)
        if old is None:
            self.ids.add(record.id)
            self.times.add(time_key(record.modified, record.id))
            if self._created is not None:
                self._created.add(time_key(record.created, record.id))
        elif old.modified != record.modified:
            self.times.remove(time_key(old.modified, old.id))
            self.times.add(time_key(record.modified, record.id))
        for name, index in self._indexes.items():
            before, after = old.values.get(name) if old else None, record.values.get(name)
            if before != after:
                index.discard(before, record.id)
                index.add(after, record.id)
        if self._views:
            self._move(old, record)
        self.converted += _converted(record) - (_converted(old) if old else 0)
        self.records[record.id] = record

    def remove(self, number: int) -> Record | None:
        """Take a record out."""
        old = self.records.pop(number, None)
        if old is None:
            return None
        self.ids.remove(number)
        self.times.remove(time_key(old.modified, number))
        if self._created is not None:
            self._created.remove(time_key(old.created, number))
        for name, index in self._indexes.items():
            index.discard(old.values.get(name), number)
        if self._views:
            self._move(old, None)
        self.converted -= _converted(old)
        return old

    def _move(self, old: Record | None, new: Record | None) -> None:
        """Keep the views of converted and of other records in step."""
        for (column, converted), keys in self._views.items():
            if old is not None and bool(_converted(old)) == converted:
                keys.remove(order_key(column, old))
            if new is not None and bool(_converted(new)) == converted:
                keys.add(order_key(column, new))

    def load(self, records: list[Record]) -> None:
        """Add many new records at once."""
        self.records.update((record.id, record) for record in records)
        self.ids.update(record.id for record in records)
        self.times.update(time_key(record.modified, record.id) for record in records)
        self._created = None
        self._views.clear()
        for name, index in self._indexes.items():
            for record in records:
                index.add(record.values.get(name), record.id)
        self.converted += sum(_converted(record) for record in records)

    def copy(self) -> Table:
        """A second table that shares the records but not the indexes."""
        twin = Table()
        for name in self._indexes:
            twin.ensure_index(name)
        twin.load(list(self.records.values()))
        return twin

    def clear(self) -> None:
        """Forget every record, keep the indexes' names."""
        names = list(self._indexes)
        self.__init__()  # type: ignore[misc]
        for name in names:
            self.ensure_index(name)

    # --- indexes

    def ensure_index(self, name: str) -> HashIndex:
        """The index of a field, built when it is not there yet."""
        index = self._indexes.get(name)
        if index is None:
            index = self._indexes[name] = HashIndex()
            for record in self.records.values():
                index.add(record.values.get(name), record.id)
        return index

    def index(self, name: str) -> HashIndex | None:
        """The index of a field, if it has one."""
        return self._indexes.get(name)

    def drop_index(self, name: str) -> None:
        """Forget an index, as a field goes or is renamed."""
        self._indexes.pop(name, None)

    def holders(self, name: str, value: Any) -> list[int]:
        """The ids of the records whose field `name` holds `value`."""
        return self.ensure_index(name).get(value)

    # --- reading in order

    def by_time(self, low: int | None, high: int | None, *, descending: bool = False) -> Iterator[Record]:
        """Records in (Modified_Time, id) order between two time keys, both inclusive."""
        records = self.records
        for key in self.times.irange(low, high, reverse=descending):
            yield records[key & _ID_MASK]

    def by_id(self, low: int | None, *, descending: bool = False) -> Iterator[Record]:
        """Records in id order from `low` on."""
        records = self.records
        for number in self.ids.irange(low, None, reverse=descending):
            yield records[number]

    def ordered(self, column: str, *, descending: bool, converted: bool | None = None) -> SortedOrder:
        """The table in the order of a list call (facts 2.1): all of it, or converted records only, or the others."""
        if converted is not None and (converted or self.converted):
            view = self._views.get((column, converted))
            if view is None:
                chosen = (one for one in self.records.values() if bool(_converted(one)) == converted)
                view = self._views[column, converted] = SortedList(order_key(column, one) for one in chosen)
            return SortedOrder(self, view, descending)
        if column == "id":
            return SortedOrder(self, self.ids, descending)
        if column == "Created_Time":
            if self._created is None:
                self._created = SortedList(time_key(record.created, record.id) for record in self.records.values())
            return SortedOrder(self, self._created, descending)
        return SortedOrder(self, self.times, descending)


class SortedOrder:
    """A table seen as a sequence: slices by position cost no scan."""

    def __init__(self, table: Table, keys: SortedList, descending: bool) -> None:
        self._table, self._keys, self._descending = table, keys, descending

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Record]:
        return self._resolve(reversed(self._keys) if self._descending else iter(self._keys))

    def slice(self, start: int, stop: int, low: int | None = None) -> Iterator[Record]:
        """Positions `start` to `stop`; with `low`, positions among the keys not below it."""
        size, floor = len(self._keys), 0 if low is None else self._keys.bisect_left(low)
        if self._descending:
            first, last = max(size - stop, floor), max(size - start, floor)
            return self._resolve(self._keys.islice(first, last, reverse=True))
        return self._resolve(self._keys.islice(min(floor + start, size), min(floor + stop, size)))

    def after(self, key: int) -> Iterator[Record]:
        """Everything that follows the place of a key."""
        if self._descending:
            return self._resolve(self._keys.irange(None, key, inclusive=(True, False), reverse=True))
        return self._resolve(self._keys.irange(key, None, inclusive=(False, True)))

    def count_from(self, low: int | None) -> int:
        """How many keys are not below `low`."""
        return len(self._keys) - (0 if low is None else self._keys.bisect_left(low))

    def _resolve(self, keys: Iterable[int]) -> Iterator[Record]:
        records = self._table.records
        for key in keys:
            yield records[key & _ID_MASK]


def order_key(column: str, record: Record) -> int:
    """Where a record stands in an order of list calls."""
    if column == "id":
        return record.id
    return time_key(record.created if column == "Created_Time" else record.modified, record.id)


def _converted(record: Record) -> int:
    return 1 if record.values.get("Converted__s") else 0
