"""Every kind of damage, made by a small file, under every policy."""

import json
from typing import NamedTuple

import pytest

from spacy_slm_ner.errors import DamageError
from spacy_slm_ner.records.convert import Converter
from spacy_slm_ner.records.damage import DAMAGE, ON_ERROR, REMARKS, DamageLog, Finding


class Case(NamedTuple):
    """A damaged record, its entities when repaired (None if it is left out), and what else is found in it."""

    record: dict
    repaired: list | None
    also: frozenset = frozenset()


def record(text, *pairs, intent="inquiry"):
    return {"text": text, "labels": [{"word": word, "label": label} for word, label in pairs], "intent": intent}


GOOD = record("See Ann on Friday", ("Ann", "B-NAME"), ("Friday", "B-DATE"))
LAST = record("Nobody comes")
CASES = {
    "invalid_record": Case({"text": "Call Bob"}, None),
    "empty_text": Case(record(" \n"), None),
    "duplicate_text": Case(GOOD, None),
    "outside_label": Case(record("on May 4", ("on", "O"), ("May", "B-DATE"), ("4", "I-DATE")), ["May 4"]),
    "bare_label": Case(record("on May 4", ("May", "DATE"), ("4", "I-DATE")), ["May 4"]),
    "orphan_inside": Case(record("on May 4", ("May", "I-DATE"), ("4", "I-DATE")), ["May 4"]),
    "unknown_label": Case(record("Bob in Oslo", ("Bob", "B-NAME"), ("Oslo", "B-CITY")), ["Bob"]),
    "unknown_intent": Case(record("Order for Bob", ("Bob", "B-NAME"), intent="order"), ["Bob"]),
    "missing": Case(record("Bob takes the bus", ("Bob", "B-NAME"), ("US", "B-NAME")), ["Bob"]),
    "joined": Case(record("on Tuesday, August", ("Tuesday", "B-DATE"), ("August", "I-DATE")), ["Tuesday, August"]),
    "folded": Case(record("Mr o’brien", ("O'Brien", "B-NAME")), ["o’brien"]),
    "respaced": Case(record("Mail bob@gmail.com", ("bob @ gmail .com", "B-NAME")), ["bob@gmail.com"]),
    "reordered": Case(record("Bob on Monday", ("Monday", "B-DATE"), ("Bob", "B-NAME")), ["Bob", "Monday"]),
    "inside_word": Case(record("Olen Helsingissä", ("Helsingi", "B-NAME")), ["Helsingissä"], frozenset({"token_cut"})),
    "split": Case(record("Monday or maybe Sunday", ("Monday", "B-DATE"), ("Sunday", "I-DATE")), ["Monday", "Sunday"]),
    "token_cut": Case(record("on May4 then", ("May", "B-DATE")), ["May4"]),
    "overlap": Case(record("on May4 then", ("May", "B-DATE"), ("4", "B-DATE")), ["May4"], frozenset({"token_cut"})),
    "ambiguous": Case(record("Take 4 at 4 sharp", ("4", "B-DATE")), ["4"]),
}

kinds = pytest.mark.parametrize("kind", CASES)


@pytest.fixture
def convert(nlp, tmp_path):
    """Convert a file of a good record, a damaged one and another good one."""

    def _convert(kind, on_error):
        path = tmp_path / "records.json"
        path.write_text(json.dumps({"dataset": [GOOD, CASES[kind].record, LAST]}), encoding="utf8")
        damage_log = DamageLog(on_error)
        docs = Converter(nlp, damage_log, ("NAME", "DATE"), ("inquiry", "cancel")).convert([path])
        return [[ent.text for ent in doc.ents] for doc in docs], damage_log.findings

    return _convert


def test_every_kind_has_a_case():
    assert CASES.keys() == DAMAGE.keys() | REMARKS.keys()


@kinds
def test_the_kind_is_found_in_its_record_and_nothing_else_is(convert, kind):
    _, findings = convert(kind, "repair")
    assert {finding.kind for finding in findings} == {kind} | CASES[kind].also
    assert {finding.record for finding in findings} == {2}


@kinds
def test_repair_does_what_the_table_says_and_keeps_all_else(convert, kind):
    docs, _ = convert(kind, "repair")
    repaired = CASES[kind].repaired
    assert docs == [["Ann", "Friday"], *([] if repaired is None else [repaired]), []]


@kinds
def test_skip_leaves_the_damaged_record_out_alone(convert, kind):
    docs, findings = convert(kind, "skip")
    assert docs == [["Ann", "Friday"], *([CASES[kind].repaired] if kind in REMARKS else []), []]
    assert kind in {finding.kind for finding in findings}


@kinds
def test_fail_stops_at_damage_and_not_at_a_remark(convert, kind):
    if kind in REMARKS:
        assert len(convert(kind, "fail")[0]) == 3
        return
    with pytest.raises(DamageError, match=r"records.json, record 2: .*Correct the record, or use --on-error repair or skip"):
        convert(kind, "fail")


@pytest.mark.parametrize("kind", [kind for kind in DAMAGE if not CASES[kind].also])
def test_the_error_names_the_kind_and_what_repair_would_do(convert, kind):
    with pytest.raises(DamageError) as error:
        convert(kind, "fail")
    assert f"({kind}: {DAMAGE[kind]})" in str(error.value)


@pytest.mark.parametrize("on_error", ON_ERROR)
@kinds
def test_what_costs_the_whole_record(kind, on_error):
    costs = CASES[kind].repaired is None or (on_error == "skip" and kind in DAMAGE)
    assert DamageLog(on_error).drops_record([Finding("a.json", 1, kind, "", "")]) == costs


def test_counts_are_by_kind_and_the_most_frequent_first():
    damage_log = DamageLog()
    for kind in ("ambiguous", "folded", "folded"):
        damage_log.add(Finding("a.json", 1, kind, "", ""))
    assert list(damage_log.counts().items()) == [("folded", 2), ("ambiguous", 1)]


def test_a_finding_tells_file_record_reason_and_text(convert, tmp_path):
    _, findings = convert("folded", "repair")
    path = str(tmp_path / "records.json")
    assert findings == [Finding(path, 2, "folded", "\"O'Brien\" found as 'o’brien'", "Mr o’brien")]


def test_an_unknown_intent_costs_the_intent_alone(nlp, tmp_path):
    path = tmp_path / "records.json"
    path.write_text(json.dumps([CASES["unknown_intent"].record]), encoding="utf8")
    docs = Converter(nlp, DamageLog(), intents=("inquiry", "cancel")).convert([path])
    assert [doc.cats for doc in docs] == [{}]
