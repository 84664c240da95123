"""Texts whose entities are given by offsets, through the converter."""

import json
from pathlib import Path
from typing import Any

import pytest
from spacy.language import Language

from spacy_slm_ner.records.convert import Converter
from spacy_slm_ner.records.damage import DamageLog

TEXT = "é😀 Zoë is a clerk"


def convert(nlp: Language, path: Path, *entries: dict[str, Any], labels: tuple[str, ...] = ()) -> tuple[list[Any], DamageLog]:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    log = DamageLog("repair")
    docs = Converter(nlp, log, labels).convert([path])
    return [([(ent.text, ent.label_) for ent in doc.ents], doc.cats) for doc in docs], log


def entity(start: int, end: int, **more: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "label": "JOB TITLE", "score": None, **more}


@pytest.mark.parametrize(("offsets", "start"), [("codepoint", 12), ("utf16", 13), ("byte", 17)])
def test_offsets_are_read_as_they_count(offsets: str, start: int, nlp: Language, tmp_path: Path) -> None:
    row = {"file": "a", "number": 1, "text": TEXT, "offsets": offsets, "intent": "hire", "entities": [entity(start, start + 5)]}
    others = {"text": "Nobody.", "intent": "fire", "entities": []}
    found, log = convert(nlp, tmp_path / "a.jsonl", row, others)
    assert found == [
        ([("clerk", "JOB TITLE")], {"fire": 0.0, "hire": 1.0}),
        ([], {"fire": 1.0, "hire": 0.0}),
    ]
    assert log.findings == []


@pytest.mark.parametrize(
    ("entry", "kind", "reason"),
    [
        pytest.param(entity(12, 99), "invalid_record", "no characters of the text are from 12 to 99", id="outside"),
        pytest.param(entity(12, 12), "invalid_record", "no characters of the text are from 12 to 12", id="empty"),
        pytest.param(entity(13, 18, text="clerk"), "invalid_record", "no characters", id="counted-otherwise"),
        pytest.param(entity(11, 16, text="clerk"), "invalid_record", "is ' cler', not 'clerk'; the offsets may", id="shifted"),
        pytest.param(entity(-1, 3), "invalid_record", "start", id="negative"),
        pytest.param(entity(12, 15), "token_cut", "'cle' widened to 'clerk'", id="inside-a-word"),
        pytest.param(entity(12, 17, label="A\nB"), "unknown_label", "got 'A\\nB'", id="no-label"),
    ],
)
def test_what_is_wrong_is_damage(entry: dict[str, Any], kind: str, reason: str, nlp: Language, tmp_path: Path) -> None:
    _, log = convert(nlp, tmp_path / "a.jsonl", {"text": "Fine.", "entities": []}, {"text": TEXT, "entities": [entry]})
    (finding,) = log.findings
    assert (finding.kind, finding.record) == (kind, 2)
    assert reason in finding.reason


def test_labels_that_are_not_allowed_and_overlaps_are_left_out(nlp: Language, tmp_path: Path) -> None:
    row = {"text": TEXT, "entities": [entity(12, 17, label="JOB"), entity(10, 17), entity(12, 17)]}
    found, log = convert(nlp, tmp_path / "a.jsonl", row, labels=("JOB TITLE",))
    assert found == [([("a clerk", "JOB TITLE")], {})]
    assert [finding.kind for finding in log.findings] == ["unknown_label", "overlap"]
