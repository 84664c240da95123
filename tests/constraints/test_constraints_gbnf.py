"""Grammars as GBNF: small ones to the letter, those of the formats by what xgrammar accepts.

xgrammar names triton, which is larger than the rest of the environment and is not needed here; `make test` puts it into a folder
of its own without it.
"""

import random
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional, Sequence

import pytest
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_slm_ner.constraints.gbnf import literal, to_gbnf
from spacy_slm_ner.constraints.grammar import Edge, Grammar, State, find_path
from spacy_slm_ner.errors import GrammarSizeError
from spacy_slm_ner.formats.base import PromptFormat, Question
from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.formats.gollie import Gollie
from spacy_slm_ner.formats.inline_tags import InlineTags
from spacy_slm_ner.formats.json_entities import Json
from spacy_slm_ner.formats.span_lines import SpanLines
from spacy_slm_ner.formats.token_lines import TokenLines
from spacy_slm_ner.formats.trailing_tags import TrailingTags
from spacy_slm_ner.formats.uniner import UniNER

FORMATS = [BioLines, SpanLines, InlineTags, TokenLines, TrailingTags, Json, Gollie, UniNER]
LABELS = ("DATE", "JOB TITLE", 'say "x"')
INTENTS = ("cancel", "in\\quiry")
WORDS = [
    "May",
    "May",
    "4",
    "4",
    "the",
    "the",
    "a",
    "😀",
    "👍🏽",
    '"',
    'a"b',
    "\\",
    "\\n",
    "\n",
    "\n\n",
    " ",
    "{",
    "]",
    "<DATE>",
    "[2]",
    ":",
]
WORDS += [
    "é",
    "e\u0301",
    "五月",
    "شكرا",
    "#",
    "//",
    "x\u2028y",
    "\u00a0",
    "a:",
    "'",
    "::=",
    "|",
    "\x07",
    "\x7f",
    "\ufeff",
    "\U0010ffff",
]
CASES = 500
XGRAMMAR = Path(sys.prefix) / "xgrammar"


@dataclass
class Automaton:
    """A grammar of given edges; it may end where they say so."""

    given: dict[str, list[tuple[str, str]]]
    ends: str
    start: State = field(default=("a", 0))

    def edges(self, state: State) -> Sequence[Edge]:
        return [Edge(text, (target, 0), "" if text else "nothing") for text, target in self.given.get(state[0], [])]

    def may_end(self, state: State) -> bool:
        return state[0] in self.ends


def gbnf(given: dict[str, list[tuple[str, str]]], ends: str, most: int = 99) -> list[str]:
    return to_gbnf(Automaton(given, ends), most).splitlines()


@pytest.mark.parametrize(
    ("given", "ends", "rules"),
    [
        pytest.param({}, "a", ['root ::= ""'], id="nothing"),
        pytest.param({"a": [("x", "b")], "b": [("y", "c")]}, "c", ['root ::= "xy"'], id="one-way"),
        pytest.param({"a": [("x", "b")]}, "ab", ['root ::= "" | "x"'], id="an-end-before-the-end"),
        pytest.param({"a": [("", "b")], "b": [("x", "c"), ("y", "c")]}, "c", ['root ::= "x" | "y"'], id="silent"),
        pytest.param(
            {"a": [("", "b"), ("z", "c")], "b": [("x", "c"), ("y", "c")]},
            "c",
            ['root ::= "x" | "y" | "z"'],
            id="silent-choice",
        ),
        pytest.param(
            {"a": [("1", "b"), ("2", "c")], "b": [("x", "d"), ("y", "d")], "c": [("x", "e"), ("y", "e")]},
            "de",
            ['root ::= "1" r1 | "2" r1', 'r1 ::= "x" | "y"'],
            id="states-that-are-alike",
        ),
        pytest.param({"a": [("x", "a"), ("y", "b")]}, "b", ['root ::= r1', 'r1 ::= "x" r1 | "y"'], id="loop"),
    ],
)  # fmt: skip
def test_rules_of_small_grammars(given: dict[str, list[tuple[str, str]]], ends: str, rules: list[str]) -> None:
    assert gbnf(given, ends) == rules


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain é 五 😀", '"plain é 五 😀"'),
        ('"\\', r'"\"\\"'),
        ("\n\r\t\x00\x07\x7f", r'"\n\u000d\u0009\u0000\u0007\u007f"'),
        ("\u2028\u00a0\ufeff", r'"\u2028\u00a0\ufeff"'),
        ("\ud83d", r'"\ud83d"'),
        ("\U000e0001", r'"\U000e0001"'),
        ("#[-]'", '"#[-]\'"'),
    ],
    ids=["plain", "quotes", "control", "invisible", "lone-surrogate", "beyond-the-bmp", "marks"],
)
def test_literals(text: str, written: str) -> None:
    assert literal(text) == written
    assert literal(text).isascii() or text.startswith("plain")


def test_a_grammar_with_too_many_rules_says_what_to_do() -> None:
    given = {"a": [("1", "b"), ("2", "c")], "b": [("x", "d"), ("y", "d")], "c": [("x", "d"), ("z", "d")]}
    assert len(gbnf(given, "d", most=3)) == 3
    with pytest.raises(GrammarSizeError, match="has 3 rules, allowed are 2"):
        gbnf(given, "d", most=2)
    grammar = BioLines(LABELS).constraint(Doc(Vocab(), words=["so"] * 30))
    with pytest.raises(GrammarSizeError, match=r"\d rules, allowed are 20\. Lower `window`"):
        to_gbnf(grammar, 20)


def test_a_huge_grammar_is_refused_before_it_is_made() -> None:
    grammar = BioLines(LABELS).constraint(Doc(Vocab(), words=["so"] * 3000))
    with pytest.raises(GrammarSizeError, match="more than 200 edges"):
        to_gbnf(grammar, 1)


@pytest.mark.parametrize("format", FORMATS)
def test_a_grammar_grows_with_the_text_not_with_its_square(format: Callable[..., PromptFormat]) -> None:
    def rules(words: int) -> int:
        doc = Doc(Vocab(), words=[f"w{i % 97}" if i % 5 == 0 else f"w{i}" for i in range(words)])
        return to_gbnf(format(LABELS).questions(doc)[0].constraint(doc), 100_000).count("\n")

    assert rules(200) < 3 * rules(100)


# What xgrammar accepts


@pytest.fixture(scope="module")
def accepts() -> Callable[[str], Callable[[str], bool]]:
    """From a grammar to what it accepts as a whole."""
    sys.path.append(str(XGRAMMAR))
    xgrammar = pytest.importorskip("xgrammar", reason=f"needs xgrammar in {XGRAMMAR}: make test puts it there")
    tokenizer = xgrammar.TokenizerInfo([])

    def compile(grammar: str) -> Callable[[str], bool]:
        compiled = xgrammar.GrammarCompiler(tokenizer, cache_enabled=False).compile_grammar(grammar)

        def accept(text: str) -> bool:
            matcher = xgrammar.GrammarMatcher(compiled, terminate_without_stop_token=True)
            return bool(matcher.accept_string(text) and matcher.is_terminated())

        return accept

    return compile


def random_doc(rng: random.Random) -> Doc:
    words = rng.choices(WORDS, k=rng.randrange(12))
    doc = Doc(Vocab(), words=words, spaces=[rng.random() < 0.7 for _ in words])
    ents, start = [], 0
    while start < len(doc):
        length = rng.choice([0, 0, 1, 1, 2, 3])
        if 0 < length <= len(doc) - start:
            ents.append(Span(doc, start, start + length, rng.choice(LABELS)))
        start += max(length, 1)
    doc.ents = ents
    intent = rng.choice(INTENTS)
    doc.cats = {name: float(name == intent) for name in INTENTS}
    return doc


def random_question(format: Callable[..., PromptFormat], rng: random.Random) -> tuple[Question, Doc]:
    doc = random_doc(rng)
    return rng.choice(format(LABELS, rng.choice([(), INTENTS])).questions(doc)), doc


def swap_character(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text) or 1)
    return text[:place] + rng.choice('aé😀\n"\\ 2') + text[place + 1 :]


def drop_character(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text) or 1)
    return text[:place] + text[place + 1 :]


def cut_off(text: str, rng: random.Random) -> str:
    return text[: rng.randrange(len(text) or 1)]


def add_text(text: str, rng: random.Random) -> str:
    return text + rng.choice([" ", "\n", "May", text or "x", "```"])


def rename_label(text: str, rng: random.Random) -> str:
    return text.replace(rng.choice(["DATE", "JOB", "cancel", "O"]), rng.choice(["GATE", "JOBS", "date", ""]))


def change_occurrence(text: str, rng: random.Random) -> str:
    return re.sub(r"\d+", lambda number: str(int(number[0]) + rng.randrange(1, 9)), text, count=rng.randrange(1, 4))


def add_occurrence(text: str, rng: random.Random) -> str:
    return text.replace(*rng.choice([('")', '", occurrence=9)'), ("\n", " [7]\n"), ('"]', '", 9]'), (": B", " [9]: B")]))


MUTATIONS = [swap_character, drop_character, cut_off, add_text, rename_label, change_occurrence, add_occurrence]


@pytest.mark.parametrize("format", FORMATS)
def test_xgrammar_accepts_the_targets(
    format: Callable[..., PromptFormat], accepts: Callable[[str], Callable[[str], bool]]
) -> None:
    rng = random.Random(0)
    for _ in range(CASES):
        question, doc = random_question(format, rng)
        assert accepts(to_gbnf(question.constraint(doc), 10_000))(question.target(doc)), (doc.text, question.target(doc))


@pytest.mark.parametrize("format", FORMATS)
def test_xgrammar_refuses_what_the_grammar_cannot_write(
    format: Callable[..., PromptFormat], accepts: Callable[[str], Callable[[str], bool]]
) -> None:
    """Of each kind of mutation there are some; one that is another right answer is accepted."""
    rng = random.Random(1)
    refused: dict[Any, int] = dict.fromkeys(MUTATIONS, 0)
    while sum(refused.values()) < CASES or not all(refused.values()):
        question, doc = random_question(format, rng)
        grammar, target = question.constraint(doc), question.target(doc)
        accept = accepts(to_gbnf(grammar, 10_000))
        for mutation in MUTATIONS:
            mutated = mutation(target, rng)
            writable = find_path(grammar, mutated) is not None
            assert accept(mutated) == writable, (doc.text, target, mutated)
            refused[mutation] += not writable


@pytest.mark.parametrize("format", FORMATS)
def test_xgrammar_accepts_any_walk(format: Callable[..., PromptFormat], accepts: Callable[[str], Callable[[str], bool]]) -> None:
    rng = random.Random(2)
    for _ in range(100):
        question, doc = random_question(format, rng)
        grammar = question.constraint(doc)
        written = walk(grammar, rng)
        assert accepts(to_gbnf(grammar, 10_000))(written), (doc.text, written)


def walk(grammar: Grammar, rng: random.Random) -> str:
    """Write an answer by chance."""
    state, written = grammar.start, ""
    while True:
        edge: Optional[Edge] = rng.choice([*grammar.edges(state), *([None] if grammar.may_end(state) else [])])
        if edge is None:
            return written
        written, state = written + edge.text, edge.target


def test_what_no_model_can_write_does_no_harm_to_what_it_can(accepts: Callable[[str], Callable[[str], bool]]) -> None:
    grammar = Automaton({"a": [("x\ud83d", "b"), ("y", "b")]}, "b")
    assert accepts(to_gbnf(grammar, 9))("y")
