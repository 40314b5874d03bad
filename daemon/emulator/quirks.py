"""The facts nobody could confirm, each as a named switch (facts 14).

A client is trustworthy only when it behaves under every setting of the switches that it touches.
Not emulated, so without switches: notifications (facts 8) and the hosts of UK and UAE (facts 1.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.emulator.asked import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """One switch: its name, the values it can have (the first is the default) and what it decides."""

    name: str
    choices: tuple[str, ...]
    note: str

    @property
    def default(self) -> str:
        """The value that the facts recommend."""
        return self.choices[0]


_TABLE = """
unknown_picklist | accept reject | a picklist value that is not in the list (facts 11.6)
unknown_key | ignore reject | a key of a record that is no field (facts 4.1)
read_only_write | ignore reject | a write to a read-only field
null_clears | yes no | null (or "") empties a field (facts 4.7); no: it is ignored
bare_lookup_id | accept reject | a lookup written as a plain id string (facts 4.7)
missing_lookup_path | field id | json_path of a lookup to a missing record: the field, or its id key (facts 11.5)
trim_text | keep trim | spaces at the ends of a text on write
collect_faults | first all | several faults of one record: the first only, or MULTIPLE_OR_MULTI_ERRORS (facts 12.6)
phone_pattern | on off | phone values must match the pattern of the org spec (facts 11.7)
email_pattern | on off | an e-mail value must look like one (facts 11.7)
website_pattern | on off | a website value holds no spaces
missing_lookup | reject null | a lookup to a missing record refuses the record, or is taken as empty (facts 11.5)
over_100_error | LIMIT_EXCEEDED INVALID_DATA | code for more than 100 records in a write (facts 4.1)
failed_write_status | 400 202 | HTTP status of a write in which every record failed (facts 4.2)
pure_insert_upsert_status | 200 201 | HTTP status of an upsert that only inserted (facts 4.2)
insert_duplicate_field | null named | `duplicate_field` of an upsert that inserted (facts 4.3)
upsert_several_matches | first last | which of several matching records an upsert updates (facts 4.6)
upsert_unknown_id | reject insert | an upsert element with an id that does not exist (facts 4.6)
upsert_bad_check_field | reject ignore | a duplicate_check_fields entry that is not unique (facts 4.6)
empty_304_or_204 | 304 204 | status of a read with If-Modified-Since that finds nothing (facts 2.5)
malformed_id_status | 400 404 | status for an id in the path that is no id (facts 2.5)
fields_id_alone | reject accept | `fields=id` alone (facts 2.1)
unknown_field_param | ignore reject | a name in `fields` that is no field
per_page_over_max | clamp reject | per_page above 200
list_approved | ignore honour | `approved` of a list: unknown; or true by default, hiding what waits (facts 11.16)
token_page_number | stay advance | `page` in the answer to a page_token (facts 2.2)
page_token_walk | live cursor snapshot | a token: a position in live data, the last record seen, data of page 1 (2.3)
header_rfc1123 | accept reject | a date of RFC 1123 in If-Modified-Since (facts 2.5)
fields_limit_details | limit maximum_length | details of too many names in `fields` (facts 2.4)
guessed_details | full empty | details of AMBIGUITY_DURING_PROCESSING, PAGINATION_LIMIT_EXCEEDED (facts 12.3)
page_token_error_details | param_name json_path | details of an expired page_token (facts 2.4)
error_envelope | bare data | request-level errors of record calls: bare object or inside data[] (facts 4.2)
token_scope_separator | space comma | separator inside `scope` of a token answer (facts 12.1)
throttle_status | 400 200 | status of the token throttle (facts 1.4)
redirect_uri | ignore reject | a redirect_uri with the code of a Self Client, which has none: invalid_redirect_uri (1.4)
token_throttle | on off | 10 tokens per refresh token per 10 minutes (facts 1.5)
token_caps | on off | 15 live access tokens per refresh token, 20 refresh tokens per user (facts 1.5)
bad_grant_type_error | invalid_request invalid_grant_type | error for a missing or wrong grant_type (facts 1.4)
client_credentials | accept reject | grant_type=client_credentials with soid=ZohoCRM.<zgid> (facts 1.3)
bearer_prefix | accept reject | `Authorization: Bearer` beside Zoho-oauthtoken (facts 1.8)
concurrency_caps | on off | calls in flight per org are limited by edition (facts 9.3)
over_limit_code | TOO_MANY_REQUESTS RATE_LIMIT_EXCEEDED | code of a 429 (facts 9.4)
over_limit_status | 429 400 | status of an exceeded limit (facts 9.4)
over_limit_body | full reworded bare | keys of a 429: all, with another message, or code and status alone (facts 9.4)
ratelimit_headers | off on | X-RATELIMIT-LIMIT, -REMAINING and -RESET in every answer (facts 9.4)
coql_lag | 0 30 | seconds by which COQL alone is behind what was written (facts 11.1)
coql_relative_dates | reject accept | 'today' and 'last 7 days' in quotes, against dates and datetimes (facts 3.3)
coql_max_columns | 50 500 | columns in SELECT (facts 3.1)
coql_max_in | 50 100 | values in IN (facts 3.1)
coql_limit_comma | accept reject | `limit offset, count` (facts 3.1)
coql_id_compare | accept reject | `id > value` (facts 3.6)
coql_order | total first_only | several order columns as in SQL, or only the first one is honoured (facts 3.6)
coql_adds_id | yes no | `id` in every row although not selected (facts 3.4)
coql_text_case | insensitive sensitive | comparing texts in COQL
coql_not_equal_null | exclude include | whether `!=` finds empty values
deleted_order | newest_first oldest_first | order of the deleted list (facts 5.2)
deleted_wall | none 2000 | records that the deleted list can reach (facts 5.2)
deleted_pages | number token | pages of the deleted list: by number alone, or by page_token too (facts 5.2)
deleted_credits | 1 2 | credits of the deleted list (facts 5.2)
modified_time_on_restore | keep move | Modified_Time of a restored record (facts 5.4)
lookup_to_deleted | keep null | a lookup whose target went to the recycle bin
bulk_job_seconds | 4 0 60 | seconds from the creation of a bulk job to its end (facts 7)
bulk_read_page | 200000 2 10 1000 | records in one bulk read job (facts 7.1; small pages are for tests)
bulk_read_data | completed created | whether a bulk read shows the data of its end or of its creation
bulk_read_converted | include exclude | whether a bulk read of Leads holds converted ones
bulk_read_outcome | complete failure | how a bulk read ends (facts 7.1)
bulk_result_early | no yes | `result` in the status of a bulk read that still runs (facts 7.1)
bulk_csv_id | Id id | header of the id column in a bulk read (facts 7.1)
bulk_csv_boolean | lower upper number | true, TRUE or 1 in a bulk read (facts 7.1)
bulk_csv_datetime | offset utc plain | moments in a bulk read: with the caller's offset, with Z, or without (facts 7.1)
bulk_csv_quoting | minimal all | cells of a bulk read in quotes (facts 7.1)
bulk_write_workflows | no yes | automations run for the rows of a bulk write (facts 7.2)
bulk_write_in_progress | IN_PROGRESS INPROGRESS | state of a running bulk write, with a space or in one word (facts 7.2)
bulk_write_download_url | path absolute | form of `download_url` of a bulk write (facts 12.9)
bulk_result_hours | 24 none | hours for which the result of a bulk job can be fetched (facts 7.1, 7.2)
bulk_jobs_at_once | none 2 10 | bulk jobs of an org that may run at once: 400 TOO_MANY_REQUESTS (facts 7.1)
bulk_write_missing_status | 404 400 | status for a bulk write job that does not exist
subform_in_list | null absent | a subform or multi-lookup named in `fields` of a list call (facts 2.6)
subform_unmentioned | append replace | subform rows that an update does not mention: kept, or deleted (facts 4.7)
blueprint_update | reject accept | an update of a record that is in a blueprint (facts 4.4)
blueprint_details | path id empty | details of RECORD_IN_BLUEPRINT (facts 4.4)
empty_update | accept reject | an update that names no field: done, or EXPECTED_FIELD_MISSING (facts 4.4)
pipeline_stage | check ignore | Stage must be of the Pipeline, Pipeline of the layout: MAPPING_MISMATCH (facts 4.4)
lookup_names_module | yes no | a lookup into several modules names its module (never in COQL), or $se_module alone does
what_id_needs_se_module | no yes | What_Id without `$se_module`: taken, or DEPENDENT_FIELD_MISSING
tags_in_update | replace append | Tag in an update: the tags of the record from now on, or more tags (2.6: no word)
tags_move_modified_time | no yes | Modified_Time of a record that is tagged or untagged (facts 11.3)
note_moves_modified_time | no yes | Modified_Time of a record whose notes change (facts 11.3)
attachment_moves_modified_time | no yes | Modified_Time of a record whose attachments change (facts 11.3)
computed_moves_modified_time | no yes | Modified_Time of a record when rows written alone change its formulas (11.3)
tags_answer | full bare | answer of add_tags: as in the facts, or another message and no wf_scheduler (facts 12.11)
merge_runs | at_once later | a merge is done when it is answered, or SCHEDULED (facts 5.3)
merged_type | recycle permanent | `type` of merged children in the deleted list (facts 5.3)
search_index_delay | 0 30 120 | seconds until a write can be found by search (facts 3.8)
search_credits | 1 3 | credits of a search (facts 9.2)
revoke_failure | failure error bad_request | answer to a failed revocation (facts 1.6)
external_header | module.field field | form of the value of X-EXTERNAL (facts 4.8)
lacking_privilege | NO_PERMISSION AUTHORIZATION_FAILED | an update, or an administrator's call, without right (1.8)
refused_calls_cost | yes no | credits of a call that is refused as a whole (facts 9.2 name none)
count_scope | search modules | scopes of actions/count: as a search, or a modules scope alone (facts 1.7)
count_type | string number | type of `count` in actions/count (facts 10)
"""


def _parse() -> dict[str, Quirk]:
    quirks = {}
    for line in _TABLE.strip().splitlines():
        name, choices, note = (part.strip() for part in line.split("|"))
        quirks[name] = Quirk(name=name, choices=tuple(choices.split()), note=note)
    return quirks


QUIRKS: Mapping[str, Quirk] = _parse()


class Quirks:
    """The setting of every switch, for all orgs or for one of them."""

    def __init__(self, parent: Quirks | None = None) -> None:
        self._parent = parent
        self._own: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name in self._own:
            return self._own[name]
        return self._parent[name] if self._parent is not None else QUIRKS[name].default

    def says(self, name: str, value: str) -> bool:
        """Whether a switch stands at `value`."""
        return self[name] == value

    def set(self, values: Mapping[str, Any], *, dry: bool = False) -> None:
        """Set switches by name, or (`dry`) only check them; nothing is changed when one name or value is wrong."""
        checked = {name: _checked(name, value) for name, value in values.items()}
        if not dry:
            self._own.update(checked)

    def reset(self) -> None:
        """Every switch back to its default (or to the setting for all orgs)."""
        self._own.clear()

    def as_dict(self) -> dict[str, str]:
        """All switches with their present values."""
        return {name: self[name] for name in QUIRKS}


def _checked(name: str, value: Any) -> str:
    quirk = QUIRKS.get(name)
    if quirk is None:
        raise ValueError(f"unknown quirk {shown(name)}; known: {', '.join(QUIRKS)}")
    text = ("null" if value is None else str(value)) if not isinstance(value, bool) else ("on" if value else "off")
    if text not in quirk.choices:
        raise ValueError(f"quirk {name} takes {' or '.join(quirk.choices)}, not {shown(value)}")
    return text


def listing() -> str:
    """The table that `--list-quirks` prints."""
    width = max(len(name) for name in QUIRKS)
    return "\n".join(
        f"{quirk.name:<{width}}  {'|'.join((quirk.default + '*', *quirk.choices[1:])):<40}  {quirk.note}"
        for quirk in QUIRKS.values()
    )
