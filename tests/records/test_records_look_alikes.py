"""Files that are no records: the error says what they look like and what to do."""

import json

import pytest
import spacy

from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.records.convert import Converter
from spacy_slm_ner.records.damage import DamageLog

TEXT = "See Ann on Friday"
LOOK_ALIKES = [
    pytest.param(
        [{"id": 1, "data": {"text": TEXT}, "annotations": [{"result": []}]}],
        "export of Label Studio: .*CONLL2003",
        id="label-studio",
    ),
    pytest.param([{"text": TEXT, "label": [[4, 7, "NAME"]]}], "export of doccano: `doc.char_span", id="doccano"),
    pytest.param([{"text": TEXT, "labels": [[4, 7, "NAME"]]}] * 2, "export of doccano", id="doccano-labels"),
    pytest.param(
        [{"text": TEXT, "tokens": [], "spans": [{"start": 4, "end": 7, "label": "NAME"}]}], "export of Prodigy", id="prodigy"
    ),
    pytest.param([[TEXT, {"entities": [[4, 7, "NAME"]]}]], "training data of spaCy 2", id="spacy-2"),
    pytest.param([{"tokens": ["See", "Ann"], "ner_tags": [0, 1]}], "token classification data", id="hugging-face"),
    pytest.param([{"text": TEXT, "entities": [{"start": 4, "end": 7}]}], "texts with offsets", id="offsets"),
    pytest.param([{"text": TEXT, "labels": ["NAME"]}], "list of label names", id="label-names"),
    pytest.param([{"text": TEXT, "labels": {"Ann": "NAME"}}], "labels by word", id="by-word"),
    pytest.param([TEXT, "And more"], "texts without labels", id="texts"),
    pytest.param([{"a": 1}], r"none of its 1 entries is one. Correct the records", id="anything"),
    pytest.param([], "holds no records. A record file is", id="no-entry"),
]


def convert(path):
    return Converter(spacy.blank("en"), DamageLog("skip")).convert([path])


@pytest.mark.parametrize("lines", [False, True], ids=["document", "json-lines"])
@pytest.mark.parametrize(("entries", "said"), LOOK_ALIKES)
def test_a_file_without_a_record_is_an_error_that_says_what_it_looks_like(tmp_path, entries, said, lines):
    if lines and not all(isinstance(entry, dict) for entry in [*entries, len(entries) < 2 or {}]):
        return
    path = tmp_path / "export.jsonl"
    content = "".join(json.dumps(entry) + "\n" for entry in 2 * entries) if lines else json.dumps({"dataset": entries})
    path.write_text(content, encoding="utf8")
    with pytest.raises(ReadError, match=said):
        convert(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no records"),
        ("See O\nAnn B-NAME\n\nGo O\n", "CoNLL columns: use --format conll"),
        ("id,text,label\n1,See Ann,x\n", "table with commas"),
        ("id\ttext\n1\tSee Ann\n", "table with tabs"),
        ("domain: mails\nlabels:\n  NAME: x\n", "spec for `generate`"),
        (json.dumps({"data": [{"text": TEXT, "labels": []}]}), "Its list 'data' may be meant: rename it to \"dataset\""),
        (json.dumps({"model": "x", "records": [{"text": TEXT}]}), "Its list 'records' may be meant"),
    ],
    ids=["empty", "conll", "csv", "tsv", "spec", "data", "records"],
)
def test_a_file_of_another_form_is_named(tmp_path, content, said):
    path = tmp_path / "file.json"
    path.write_text(content, encoding="utf8")
    with pytest.raises(ReadError, match=said):
        convert(path)


def test_one_sound_record_among_others_is_enough(tmp_path):
    path = tmp_path / "file.json"
    path.write_text(json.dumps([{"a": 1}, {"text": TEXT, "labels": []}, 5]), encoding="utf8")
    assert [doc.text for doc in convert(path)] == [TEXT]
