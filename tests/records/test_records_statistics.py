import pytest

from spacy_slm_ner.records.record_to_doc import record_to_doc
from spacy_slm_ner.records.schema import Record, WordLabel
from spacy_slm_ner.records.statistics import NearDuplicateTexts, RecordFile, RecordStatistics, find_near_duplicates

INTENTS = ("cancel", "inquiry")


@pytest.fixture(scope="module")
def make_file(nlp):
    """Makes a record file of texts given as (text, intent, {words: label})."""

    def _make_file(name, *texts):
        docs = []
        for text, intent, entities in texts:
            labels = [WordLabel(word=words, label=f"B-{label}") for words, label in entities.items()]
            docs.append(record_to_doc(Record(text=text, labels=labels, intent=intent), nlp, (), INTENTS)[0])
        return RecordFile(name, docs)

    return _make_file


@pytest.fixture(scope="module")
def train(make_file):
    return make_file(
        "train",
        ("Please cancel Ann at 4 pm", "cancel", {"Ann": "NAME", "4 pm": "TIME"}),
        ("When does ANN arrive on Friday?", "inquiry", {"ANN": "NAME", "Friday": "DATE"}),
        ("I do not want to Cancel anything", "inquiry", {}),
        ("Lovely weather", None, {}),
    )


@pytest.fixture(scope="module")
def test_file(make_file):
    return make_file(
        "test",
        ("Call off Bob and ann", "cancel", {"Bob": "NAME", "ann": "NAME"}),
        ("Is 16:00 good for Eve?", "inquiry", {"16:00": "TIME", "Eve": "NAME"}),
    )


def test_entities_and_intents_are_counted(train):
    assert train.count_labels() == {"NAME": 2, "TIME": 1, "DATE": 1}
    assert train.count_intents() == {"cancel": 1, "inquiry": 2, "none": 1}
    assert train.without_entity() == 2


def test_strings_of_a_label_are_case_folded(train):
    assert train.strings("NAME") == {"ann"}
    assert train.strings("EMAIL") == set()


def test_a_word_is_counted_by_intent_in_any_case(train):
    assert train.count_intents_with("cancel") == {"cancel": (1, 1), "inquiry": (1, 2), "none": (0, 1)}


def test_forms_are_counted_in_entities_of_their_label_and_in_texts(train, test_file):
    forms = {"TIME": {"12 h": r"pm$", "24 h": r"^\d\d:"}, "TEXT": {"question": r"\?$", "number": r"\d"}}
    assert train.count_forms(forms) == {("TIME", "12 h"): 1, ("TEXT", "question"): 1, ("TEXT", "number"): 1}
    assert test_file.count_forms(forms) == {("TIME", "24 h"): 1, ("TEXT", "question"): 1, ("TEXT", "number"): 1}


def test_an_entity_may_have_several_forms(train):
    assert train.count_forms({"TIME": {"a": "4", "b": "pm"}}) == {("TIME", "a"): 1, ("TIME", "b"): 1}


def test_labels_and_intents_are_those_of_all_files(train, test_file):
    statistics = RecordStatistics([train, test_file])
    assert statistics.labels == ["DATE", "NAME", "TIME"]
    assert statistics.intents == ["cancel", "inquiry", "none"]


def test_strings_of_the_last_file_are_unseen_if_no_other_file_has_them(train, test_file):
    assert RecordStatistics([train, test_file]).unseen("NAME") == (2, 3)
    assert RecordStatistics([test_file, train]).unseen("NAME") == (0, 1)
    assert RecordStatistics([test_file]).unseen("NAME") == (3, 3)
    assert RecordStatistics([train, test_file]).unseen("EMAIL") == (0, 0)


def test_near_duplicates_are_found_within_and_across_files(make_file):
    text = "Please move the call to Monday"
    files = [make_file("train", (text, None, {}), (text + "!", None, {})), make_file("test", (text.upper(), None, {}))]
    pairs = find_near_duplicates(files, 0.7)
    assert [pair.files for pair in pairs] == [("train", "train"), ("train", "test"), ("train", "test")]
    assert pairs[1] == NearDuplicateTexts(("train", "test"), (text, text.upper()), 1.0)


def test_near_duplicates_leak_across_files_only(make_file):
    text = "Please move the call to Monday"
    within = make_file("train", (text, None, {}), (text + "!", None, {}))
    assert list(RecordStatistics([within]).leaks(0.7)) == []
    [leak] = RecordStatistics([make_file("train", (text, None, {})), make_file("test", (text + "!", None, {}))]).leaks(0.7)
    assert leak == f"near-duplicates (0.96) in train and test: {text!r} and {text + '!'!r}"


def test_the_threshold_of_similarity_is_the_statistics_own(make_file):
    files = [
        make_file("train", ("Please move it to Monday", None, {})),
        make_file("test", ("Please move it to Monday ok?", None, {})),
    ]
    assert len(list(RecordStatistics(files, similarity=0.8).leaks(0.7))) == 1
    assert list(RecordStatistics(files, similarity=0.9).leaks(0.7)) == []


@pytest.mark.parametrize(("least", "leaks"), [(0.5, 0), (2 / 3, 0), (0.7, 1), (1.0, 1)])
def test_too_few_new_strings_are_a_leak(train, test_file, least, leaks):
    found = list(RecordStatistics([train, test_file], disjoint=["NAME"]).leaks(least))
    assert found == [f"only 2 of 3 NAME strings of test are new, at least {least:.0%} should be"] * leaks


def test_a_label_without_strings_does_not_leak(train, test_file):
    assert list(RecordStatistics([train, test_file], disjoint=["EMAIL"]).leaks(1.0)) == []
