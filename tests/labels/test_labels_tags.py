from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.errors import SchemeError
from spacy_slm_ner.labels import decode_tags, encode_tags, split_tag
from spacy_slm_ner.types import Span

LABELS = ["DATE", "TIME", "E-MAIL"]
# Prefix of the first, an inner, the last and the only word of an entity.
PREFIXES = {"IO": "IIII", "IOB2": "BIIB", "BILUO": "BILU", "IOBES": "BIES"}


@st.composite
def sentences(draw, least_gap=0):
    """Entities of a sentence, in order, and its number of words."""
    spans, end = [], 0
    for gap, words, label in draw(
        st.lists(st.tuples(st.integers(least_gap, 2), st.integers(1, 4), st.sampled_from(LABELS)), max_size=6)
    ):
        spans.append(Span(end + gap, end + gap + words, label))
        end += gap + words
    return spans, end + draw(st.integers(0, 2))


def write(spans, length, prefixes):
    first, inner, last, only = prefixes
    tags = ["O"] * length
    for start, end, label in spans:
        middle = [inner] * (end - start - 2)
        run = [only] if end - start == 1 else [first, *middle, last]
        tags[start:end] = [f"{prefix}-{label}" for prefix in run]
    return tags


def write_iob1(spans, length):
    tags = write(spans, length, PREFIXES["IO"])
    for before, span in pairwise(spans):
        if before.end == span.start and before.label == span.label:
            tags[span.start] = f"B-{span.label}"
    return tags


@given(sentences(), st.randoms())
def test_decoding_undoes_encoding(sentence, random):
    spans, length = sentence
    shuffled = random.sample(spans, len(spans))
    tags = encode_tags(shuffled, length)
    assert len(tags) == length
    assert decode_tags(tags) == (spans, [])


@pytest.mark.parametrize("scheme", ["IOB2", "BILUO", "IOBES"])
@given(sentence=sentences())
def test_every_scheme_with_opening_tags_is_read(scheme, sentence):
    spans, length = sentence
    assert decode_tags(write(spans, length, PREFIXES[scheme])) == (spans, [])


@given(sentences())
def test_iob1_is_read_and_touching_entities_stay_apart(sentence):
    spans, length = sentence
    tags = write_iob1(spans, length)
    assert decode_tags(tags) == (spans, [span.start for span in spans if tags[span.start].startswith("I-")])


@given(sentences(least_gap=1))
def test_inside_tags_alone_are_read(sentence):
    spans, length = sentence
    assert decode_tags(write(spans, length, PREFIXES["IO"])) == (spans, [span.start for span in spans])


@given(st.lists(st.sampled_from(["O", *(f"{prefix}-{label}" for prefix in "BILEUS" for label in "XY")]), max_size=12))
def test_any_tags_give_ordered_entities_over_exactly_the_tagged_words(tags):
    spans, orphans = decode_tags(tags)
    read = [f"{i} {span.label}" for span in spans for i in range(span.start, span.end)]
    assert read == [f"{i} {tag[2:]}" for i, tag in enumerate(tags) if tag != "O"]
    assert set(orphans) <= {span.start for span in spans}


@pytest.mark.parametrize(
    ("tags", "spans", "orphans"),
    [
        pytest.param(["I-X", "I-X", "I-Y"], [(0, 2, "X"), (2, 3, "Y")], [0, 2], id="another label opens"),
        pytest.param(["I-X", "B-X", "I-X"], [(0, 1, "X"), (1, 3, "X")], [0], id="IOB1 touching"),
        pytest.param(["I-X", "O", "I-X"], [(0, 1, "X"), (2, 3, "X")], [0, 2], id="outside closes"),
        pytest.param(["U-X", "U-X"], [(0, 1, "X"), (1, 2, "X")], [], id="U is a whole entity"),
        pytest.param(["B-X", "L-X", "I-X"], [(0, 2, "X"), (2, 3, "X")], [2], id="L closes"),
        pytest.param(["B-X", "E-X", "I-X"], [(0, 2, "X"), (2, 3, "X")], [2], id="E closes"),
        pytest.param(["U-X", "I-X"], [(0, 1, "X"), (1, 2, "X")], [1], id="U closes"),
        pytest.param(["S-X", "I-X"], [(0, 1, "X"), (1, 2, "X")], [1], id="S closes"),
        pytest.param(["L-X", "E-X"], [(0, 1, "X"), (1, 2, "X")], [0, 1], id="L and E without a beginning"),
        pytest.param(["B-X", "I-Y"], [(0, 1, "X"), (1, 2, "Y")], [1], id="inside of another label"),
        pytest.param([], [], [], id="no words"),
    ],
)
def test_decoding(tags, spans, orphans):
    assert decode_tags(tags) == (spans, orphans)


@pytest.mark.parametrize(
    ("tag", "parts"),
    [("O", ("O", "")), ("B-DATE", ("B", "DATE")), ("I-E-MAIL", ("I", "E-MAIL")), ("S-x", ("S", "x"))],
    ids=["outside", "begin", "label with a hyphen", "single"],
)
def test_a_tag_splits_at_its_first_hyphen(tag, parts):
    assert split_tag(tag) == parts


@pytest.mark.parametrize("tag", ["", "B", "B-", "-DATE", "DATE", "b-DATE", "O-DATE", "BI-DATE", "B_DATE"])
def test_an_unreadable_tag_is_quoted_in_the_error(tag):
    with pytest.raises(SchemeError, match=f"Got the tag '{tag}'. A tag is 'O', or one of B, I, L, E, U, S, a hyphen"):
        decode_tags(["O", tag])


@pytest.mark.parametrize(
    "spans",
    [
        [Span(1, 1, "X")],
        [Span(2, 1, "X")],
        [Span(0, 2, "X"), Span(1, 3, "Y")],
        [Span(1, 2, "X"), Span(0, 3, "Y")],
        [Span(0, 2, "X"), Span(0, 2, "X")],
        [Span(2, 4, "X")],
        [Span(-1, 1, "X")],
    ],
    ids=["empty", "reversed", "crossing", "nested", "twice", "behind the end", "before the start"],
)
def test_spans_that_bio_cannot_hold_are_refused(spans):
    with pytest.raises(SchemeError, match=r"in a sequence of 3 words.*Resolve overlaps first"):
        encode_tags(spans, 3)


def test_touching_entities_of_one_label_are_told_apart():
    assert encode_tags([Span(0, 2, "X"), Span(2, 3, "X")], 4) == ["B-X", "I-X", "B-X", "O"]
