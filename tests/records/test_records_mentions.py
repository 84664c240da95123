import pytest

from spacy_slm_ner.alignment import Mention
from spacy_slm_ner.records.mentions import parse_label, read_mentions
from spacy_slm_ner.records.schema import Record, WordLabel

LABELS = ["DATE", "NAME", "E-MAIL"]


def record(*pairs):
    return Record(text="", labels=[WordLabel(word=word, label=label) for word, label in pairs])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("B-DATE", (True, "DATE")),
        ("I-DATE", (False, "DATE")),
        ("U-DATE", (True, "DATE")),
        ("L-DATE", (False, "DATE")),
        ("DATE", (None, "DATE")),
        ("b-date", (True, "DATE")),
        ("I-Date", (False, "DATE")),
        ("date", (None, "DATE")),
        (" B-DATE ", (True, "DATE")),
        ("B-E-MAIL", (True, "E-MAIL")),
        ("e-mail", (None, "E-MAIL")),
        ("O", (True, "")),
        ("o", (True, "")),
        ("B-O", (True, "")),
        ("i-o", (True, "")),
        ("B-CITY", (True, "CITY")),
        ("city", (None, "city")),
        ("B_DATE", (True, "DATE")),
        ("i_date", (False, "DATE")),
        ("B:DATE", (True, "DATE")),
        ("B.DATE", (True, "DATE")),
        ("B DATE", (True, "DATE")),
        ("B/DATE", (True, "DATE")),
        ("B|DATE", (True, "DATE")),
        ("B - DATE", (True, "DATE")),
        ("B–DATE", (True, "DATE")),
        ("B\u2011DATE", (True, "DATE")),
        ("DATE-B", (True, "DATE")),
        ("DATE_I", (False, "DATE")),
        ("DATE (B)", (True, "DATE")),
        ("DATE[I]", (False, "DATE")),
        ("[B-DATE]", (True, "DATE")),
        ("<I-DATE>", (False, "DATE")),
        ('"B-DATE"', (True, "DATE")),
        ("BEGIN-DATE", (True, "DATE")),
        ("Inside: date", (False, "DATE")),
        ("M-DATE", (False, "DATE")),
        ("E_DATE", (False, "DATE")),
        ("S.DATE", (True, "DATE")),
        ("END DATE", (False, "DATE")),
        ("B-B-DATE", (True, "DATE")),
        ("B_E-MAIL", (True, "E-MAIL")),
        ("E-MAIL-I", (False, "E-MAIL")),
        ("B_CITY", (True, "CITY")),
    ],
)
def test_a_label_is_understood_as_models_write_it(written, expected):
    assert parse_label(written, LABELS) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("B_NAME", (True, "NAME")),
        ("NAME_I", (False, "NAME")),
        ("B NAME", (True, "NAME")),
        ("B-JOB TITLE", (True, "JOB TITLE")),
        ("START_DATE", (None, "START_DATE")),
        ("LAST NAME", (None, "LAST NAME")),
        ("E-MAIL", (None, "E-MAIL")),
        ("S_CORP", (None, "S_CORP")),
        ("O-RING", (None, "O-RING")),
        ("person/actor", (None, "person/actor")),
        ("B-B_CELL", (True, "B_CELL")),
        ("I-B_CELL", (False, "B_CELL")),
        ("B-E-MAIL", (True, "E-MAIL")),
        ("B-B-NAME", (True, "NAME")),
    ],
)
def test_without_a_list_a_label_is_taken_apart_where_no_label_is_written_so(written, expected):
    assert parse_label(written, ()) == expected


@pytest.mark.parametrize("label", ["B_CELL", "I-94", "E-MAIL", "S_CORP", "S-Bahn", "L", "VITAMIN B", "B", "TYPE-I"])
def test_an_allowed_label_is_never_taken_apart(label):
    assert parse_label(label, [label, "CELL", "MAIL"]) == (None, label)
    assert parse_label(f"B-{label}", [label]) == (True, label)
    assert parse_label(f"I_{label.lower()}", [label]) == (False, label)


def test_an_end_tag_belongs_to_the_entity_before_it():
    read, _ = read_mentions(record(("Ada", "B-NAME"), ("Quill", "E-NAME"), ("a@b.c", "E-MAIL")), ())
    assert read == [Mention(("Ada", "Quill"), "NAME"), Mention(("a@b.c",), "E-MAIL")]


@pytest.mark.parametrize(("written", "label"), [("B-date", "date"), ("I-DATE", "DATE"), ("Date", "Date")])
def test_a_label_keeps_its_case_where_any_label_is_allowed(written, label):
    assert parse_label(written, ()).label == label


@pytest.mark.parametrize(
    ("pairs", "mentions", "kinds"),
    [
        pytest.param([("May", "B-DATE"), ("4", "I-DATE")], [(("May", "4"), "DATE")], [], id="one entity"),
        pytest.param([("Mon", "B-DATE"), ("Tue", "B-DATE")], [(("Mon",), "DATE"), (("Tue",), "DATE")], [], id="two entities"),
        pytest.param([("May", "DATE"), ("4", "DATE")], [(("May", "4"), "DATE")], ["bare_label"] * 2, id="bare labels"),
        pytest.param([("May", "B-DATE"), ("4", "DATE")], [(("May", "4"), "DATE")], ["bare_label"], id="bare continues"),
        pytest.param([("4", "I-DATE")], [(("4",), "DATE")], ["orphan_inside"], id="inside first"),
        pytest.param(
            [("Ann", "B-NAME"), ("4", "I-DATE")],
            [(("Ann",), "NAME"), (("4",), "DATE")],
            ["orphan_inside"],
            id="inside of another label",
        ),
        pytest.param([("on", "O"), ("4", "B-DATE")], [(("4",), "DATE")], ["outside_label"], id="outside"),
        pytest.param(
            [("May", "B-DATE"), (",", "O"), ("4", "I-DATE")],
            [(("May",), "DATE"), (("4",), "DATE")],
            ["outside_label", "orphan_inside"],
            id="outside closes",
        ),
        pytest.param([("on", "B-O"), ("the", "I-O")], [], ["outside_label"] * 2, id="outside with a prefix"),
        pytest.param([("Oslo", "B-CITY")], [], ["unknown_label"], id="unknown"),
        pytest.param(
            [("May", "B-DATE"), ("Oslo", "B-CITY"), ("4", "I-DATE")],
            [(("May",), "DATE"), (("4",), "DATE")],
            ["unknown_label", "orphan_inside"],
            id="unknown closes",
        ),
        pytest.param([("May", "b-date"), ("4", "i-Date")], [(("May", "4"), "DATE")], [], id="another case"),
        pytest.param([(" ", "B-DATE")], [], ["missing"], id="white space"),
        pytest.param([], [], [], id="nothing"),
    ],
)
def test_words_are_grouped_into_entities(pairs, mentions, kinds):
    read, problems = read_mentions(record(*pairs), LABELS)
    assert [(mention.words, mention.label) for mention in read] == mentions
    assert [problem.kind for problem in problems] == kinds


def test_a_problem_quotes_the_word_and_the_label():
    _, problems = read_mentions(record(("Oslo", "B-CITY"), ("4", "I-DATE")), ["DATE", "NAME"])
    assert [problem.reason for problem in problems] == [
        "got 'Oslo': 'B-CITY', allowed are DATE, NAME",
        "got '4': 'I-DATE' without B-DATE before it",
    ]


def test_any_label_is_allowed_if_none_is_named():
    assert read_mentions(record(("Oslo", "B-CITY")), ()) == ([Mention(("Oslo",), "CITY")], [])


def test_the_occurrence_is_that_of_the_first_word():
    labels = [WordLabel(word="May", label="B-DATE", occurrence=2), WordLabel(word="4", label="I-DATE")]
    assert read_mentions(Record(text="", labels=labels), ()) == ([Mention(("May", "4"), "DATE", 2)], [])


def test_a_bare_label_with_a_hyphen_is_not_taken_for_a_prefix():
    assert parse_label("E-MAIL", LABELS) == (None, "E-MAIL")


def test_a_prefix_alone_is_no_label():
    assert read_mentions(record(("Ann", "B-")), ())[0] == []
