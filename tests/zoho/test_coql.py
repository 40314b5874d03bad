from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.record import Position
from daemon.emulator.coql_parse import parse
from daemon.zoho import coql

TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")))
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def literals(condition):
    """The values that a parser of COQL, written by others, finds in a condition."""
    return parse(f"select id from Leads where {condition}").where.values  # noqa: S608


@settings(max_examples=2000, deadline=None)
@given(TEXT)
def test_every_text_comes_back_as_one_literal(text):
    assert literals(coql.equals("Company", text)) == (text,)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=50))
def test_every_list_comes_back_as_it_was(texts):
    assert literals(coql.field_in("Company", texts)) == tuple(texts)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["and", "or"]), min_size=0, max_size=24), TEXT)
def test_joined_conditions_are_always_bracketed_in_pairs(words, text):
    condition = coql.equals("A", text)
    for word in words:
        join = coql.and_ if word == "and" else coql.or_
        condition = join(condition, coql.is_null("B"))
    parse(f"select id from Leads where {condition}")  # noqa: S608
    assert condition.terms == len(words) + 1


@pytest.mark.parametrize("text", ["a\nb", "\x00", "tab\t", "\x1b[31m", "\x85", "\ud800"])
def test_control_characters_are_refused(text):
    with pytest.raises(ValueError, match=r"may not hold the character U\+"):
        coql.equals("Company", text)


@pytest.mark.parametrize("name", ["", "Leads\n", "a b", "x'", "1st", "A" * 101, "Läds", "a;b", "id) or (id"])
def test_a_name_that_is_no_api_name_is_refused_and_named(name):
    with pytest.raises(ValueError, match="is not an API name"):
        coql.select(name, ["id"], coql.everything())
    with pytest.raises(ValueError, match="is not an API name"):
        coql.select("Leads", [name], coql.everything())
    with pytest.raises(ValueError, match="is not an API name"):
        coql.equals(name, "x")
    with pytest.raises(ValueError, match="is not an API name"):
        coql.select("Leads", ["id"], coql.everything(), [name])


@pytest.mark.parametrize("record_id", ["", "1 or 1", "12\n", "1" * 20, "-1", "x", 12, None, "\uff11\uff12"])
def test_an_id_that_is_none_never_enters_a_query(record_id):
    with pytest.raises(ValueError, match="is not a record id"):
        coql.id_in([record_id])
    with pytest.raises(ValueError, match="is not a record id"):
        coql.after(Position(modified_time=NOON, record_id=record_id))


def test_the_cursor_is_the_query_of_the_facts():
    place = Position(modified_time=NOON, record_id="77")
    query = coql.select("Leads", ["Last_Name", "id"], coql.after(place), ["Modified_Time", "id"], 2000)
    assert query == (
        "select id, Last_Name from Leads where ((Modified_Time > '2026-11-24T12:00:00+00:00') or "
        "((Modified_Time = '2026-11-24T12:00:00+00:00') and (id > '77'))) "
        "order by Modified_Time asc, id asc limit 2000"
    )


def test_lookups_are_walked_with_dots_but_not_too_far():
    assert "Account_Name.Owner.email" in coql.select("Contacts", ["Account_Name.Owner.email"], coql.everything())
    with pytest.raises(ValueError, match="more than 2 lookups"):
        coql.select("Contacts", ["A.B.C.D"], coql.everything())


def test_what_points_to_a_record_is_asked_for_by_the_id_behind_the_lookup():
    assert str(coql.points_to("Account_Name", "7")) == "(Account_Name.id = '7')"
    assert str(coql.points_to("What_Id", "7", "Deals")) == "('What_Id->Deals.id' = '7')"
    for wrong in (("What_Id", "x", "Deals"), ("What_Id", "7", "Deals' or"), ("What_Id' or", "7", "Deals")):
        with pytest.raises(ValueError, match="not a"):
            coql.points_to(*wrong)


def test_a_column_named_like_a_word_of_the_language_is_quoted():
    query = coql.select("Leads", ["Order", "External"], coql.equals("Limit", "x"), ["-Order"])
    assert query == "select id, 'Order', 'External' from Leads where ('Limit' = 'x') order by 'Order' desc limit 200"
    parse(query)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: coql.select("Leads", ["id"], coql.everything(), limit=2001), "1 to 2000 rows"),
        (lambda: coql.select("Leads", ["id"], coql.everything(), limit=0), "1 to 2000 rows"),
        (lambda: coql.select("Leads", [f"F{n}" for n in range(50)], coql.everything()), "at most 50 columns"),
        (lambda: coql.id_in(["1"] * 51), "1 to 50 values"),
        (lambda: coql.field_in("A", []), "1 to 50 values"),
        (lambda: coql.and_(*[coql.is_null("A")] * 26), "at most 25 criteria"),
        (lambda: coql.at_or_after("Modified_Time", datetime(2026, 1, 1)), "without offset"),  # noqa: DTZ001
    ],
)
def test_what_zoho_would_refuse_is_refused_before_it_is_sent(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_truths_are_written_as_words():
    assert str(coql.equals("Email_Opt_Out", value=True)) == "(Email_Opt_Out = 'true')"
