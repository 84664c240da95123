import pytest

from spacy_slm_ner.errors import SchemeError
from spacy_slm_ner.labels import SCHEMES, check_scheme, detect_scheme


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        pytest.param(["I-X I-X O", "I-Y"], "IO", id="IO: no B- anywhere"),
        pytest.param(["I-X B-X O", "I-Y"], "IOB1", id="IOB1: B- only behind its own label"),
        pytest.param(["O I-X", "I-Y I-Y B-Y I-Y"], "IOB1", id="IOB1: touching inside one sentence of many"),
        pytest.param(["B-X I-X O", "B-Y"], "IOB2", id="IOB2"),
        pytest.param(["B-X B-X I-X"], "IOB2", id="IOB2: touching"),
        pytest.param(["B-X O", "I-X O"], "IOB2", id="IOB2 with damage: needless B- beside an opening I-"),
        pytest.param(["I-X O", "B-Y O"], "IOB2", id="IOB2 with damage: the order does not matter"),
        pytest.param(["I-X B-Y"], "IOB2", id="B- behind another label is needless in IOB1"),
        pytest.param(["B-X L-X U-Y"], "BILUO", id="BILUO"),
        pytest.param(["U-Y"], "BILUO", id="BILUO: single words only"),
        pytest.param(["B-X I-X E-X S-Y"], "BILUO", id="IOBES"),
        pytest.param(["O O", "O"], "IOB2", id="no entity"),
        pytest.param([], "IOB2", id="no sentence"),
    ],
)
def test_detection(sentences, scheme):
    assert detect_scheme([tags.split() for tags in sentences]) == scheme


def test_a_sentence_does_not_continue_the_one_before_it():
    assert detect_scheme([["I-X"], ["B-X"]]) == "IOB2"


def test_detection_names_a_tag_that_it_cannot_read():
    with pytest.raises(SchemeError, match="Got the tag 'DATE'"):
        detect_scheme([["O", "DATE"]])


@pytest.mark.parametrize(
    ("tag", "knows_it"),
    [
        ("O", {"IO", "IOB1", "IOB2", "BILUO"}),
        ("I-X", {"IO", "IOB1", "IOB2", "BILUO"}),
        ("B-X", {"IOB1", "IOB2", "BILUO"}),
        *((f"{prefix}-X", {"BILUO"}) for prefix in "LUES"),
    ],
)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_knows_its_prefixes_only(scheme, tag, knows_it):
    if scheme in knows_it:
        check_scheme([["O", tag]], scheme)
    else:
        with pytest.raises(SchemeError, match=f"Got the tag '{tag}' in data said to be {scheme}, whose prefixes are"):
            check_scheme([["O"], ["O", tag]], scheme)
