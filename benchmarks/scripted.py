"""Answers that are known beforehand, and ways to write them.

A base without weights writes nonsense, so it is made to write the gold answers: the scores are computed, and then the gold piece
is taken, in every way alike.
"""

import random
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, Iterator, Sequence
from unittest.mock import patch

import torch
from spacy.tokens import Doc, Span
from transformers import LogitsProcessor

from spacy_slm_ner.constraints.draft import Draft
from spacy_slm_ner.constraints.grammar import CachedGrammar
from spacy_slm_ner.constraints.guide import GrammarGuide
from spacy_slm_ner.formats.base import PromptFormat, Request
from spacy_slm_ner.models.generation.decoder import Decoder
from spacy_slm_ner.models.generation.generator import Generator
from spacy_slm_ner.models.generation.lm_head import StepLogits
from spacy_slm_ner.models.generation.running_sequence import RunningSequence
from spacy_slm_ner.models.pretrained.chat_tokenizer import ChatTokenizer, Prompt


@dataclass(frozen=True)
class Work:
    """What all ways do.

    requests (list[Request]): The questions.
    prompts (list[Prompt]): Their pieces.
    scripts (list[list[int]]): Pieces of the answers, the end included.
    drafts (list[Draft]): What may be proposed.
    batch (int): Texts in a batch.
    chat (ChatTokenizer): Tokenizer of the base.
    """

    requests: list[Request]
    prompts: list[Prompt]
    scripts: list[list[int]]
    drafts: list[Draft]
    batch: int
    chat: ChatTokenizer

    @classmethod
    def of(cls, docs: list[Doc], form: PromptFormat, generator: Generator, batch: int, wrong: float) -> "Work":
        """The gold answers of Docs.

        wrong (float): Part of the entities that proposals lack.
        """
        chat, choice = generator.chat, random.Random(0)
        requests = [Request(form.render(doc), form.constraint(doc), target=form.target(doc)) for doc in docs]
        drafts = [Draft(request.grammar, altered(form, doc, wrong, choice)) for request, doc in zip(requests, docs)]
        prompts = [chat.prompt(request.messages) for request in requests]
        return cls(requests, prompts, list(map(generator.target_pieces, requests)), drafts, batch, chat)

    def first(self, number: int, batch: int) -> "Work":
        """The same with some texts alone."""
        parts = (part[:number] for part in (self.requests, self.prompts, self.scripts, self.drafts))
        return Work(*parts, batch, self.chat)

    def with_own_heads(self) -> "Work":
        """The same, but no two texts share more than the first piece of a prompt."""
        return replace(self, prompts=[Prompt(head[:1], (*head[1:], *body)) for head, body in self.prompts])

    @property
    def batch_pieces(self) -> int:
        """What a `Decoder` is given to read as many texts at a time as the others."""
        return self.batch * max(len(prompt.suffix) for prompt in self.prompts)

    def whole_prompts(self) -> list[list[int]]:
        return [[*prompt.prefix, *prompt.suffix] for prompt in self.prompts]

    def batches(self) -> Iterator[list[int]]:
        """Numbers of the texts of each batch, those of like length together."""
        order = sorted(range(len(self.prompts)), key=lambda i: len(self.prompts[i].suffix))
        return (order[i : i + self.batch] for i in range(0, len(order), self.batch))


def altered(form: PromptFormat, doc: Doc, wrong: float, choice: random.Random) -> str:
    """The gold answer without some of its entities."""
    copy = Doc(doc.vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])
    kept = [ent for ent in doc.ents if choice.random() >= wrong]
    copy.set_ents([Span(copy, ent.start, ent.end, label=ent.label_) for ent in kept], default="outside")
    return form.target(copy)


# Ours


class Scripted(GrammarGuide):
    """A guide that knows what is to be written."""

    def __init__(self, request: Request, chat: ChatTokenizer, script: list[int]) -> None:
        super().__init__(CachedGrammar(request.grammar), chat.encode, chat.end)
        self.script = script
        self.written = 0

    def step(self, piece: int, logprob: float = 0.0) -> bool:
        is_read = super().step(piece, logprob)
        self.written += 1
        return is_read


def scripted_step(row: RunningSequence, logits: StepLogits, number: int, column: int) -> int:
    """As `RunningSequence._write_likeliest`, but the piece of the script is taken."""
    guide: Any = row.guide
    allowed = guide.allowed()
    piece = guide.script[guide.written]
    if len(allowed) > 1:
        values = logits.logits(number, column, allowed)
        values[allowed.index(piece)] = values.max() + 1.0
        piece = allowed[int(values.argmax())]
    guide.step(piece, 0.0)
    return int(piece)


def decode(decoder: Decoder, work: Work, drafts: bool) -> None:
    """By this package's decoder."""
    guides = [Scripted(request, work.chat, script) for request, script in zip(work.requests, work.scripts)]
    with patch.object(RunningSequence, "_write_likeliest", scripted_step):
        decoder.decode(work.prompts, guides, work.drafts if drafts else None)
    for guide, script in zip(guides, work.scripts):
        assert guide.done and guide.written == len(script)


take = Decoder._take


def one_after_the_other(
    decoder: Decoder, waiting: deque[RunningSequence], running: Sequence[RunningSequence]
) -> list[RunningSequence]:
    """As `Decoder._take`, but a batch has to end before another begins."""
    return [] if running else take(decoder, waiting, running)


# Others'


class Force(LogitsProcessor):
    """Lets `generate` write a script."""

    def __init__(self, scripts: list[list[int]], start: int, end: int) -> None:
        self.scripts, self.start, self.end = scripts, start, end

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        step = input_ids.shape[1] - self.start
        for row, script in enumerate(self.scripts):
            scores[row, script[step] if step < len(script) else self.end] = scores[row].max() + 1.0
        return scores


def generate(model: Any, work: Work) -> None:
    """By `generate` of transformers."""
    prompts = work.whole_prompts()
    for batch in work.batches():
        rows, scripts = [prompts[i] for i in batch], [work.scripts[i] for i in batch]
        width = max(map(len, rows))
        found = model.generate(
            input_ids=torch.tensor([[work.chat.end] * (width - len(row)) + row for row in rows], device=model.device),
            attention_mask=torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=model.device),
            max_new_tokens=max(map(len, scripts)),
            do_sample=False,
            eos_token_id=work.chat.end,
            pad_token_id=work.chat.end,
            logits_processor=[Force(scripts, width, work.chat.end)],
        )
        for row, script in zip(found[:, width:].tolist(), scripts):
            assert row[: len(script)] == script


def forward(model: Any, work: Work) -> None:
    """One plain pass over the prompts, which is what a token classifier needs."""
    prompts = work.whole_prompts()
    for batch in work.batches():
        plain_pass(model, [prompts[i] for i in batch])


@torch.inference_mode()
def plain_pass(model: Any, rows: Sequence[list[int]]) -> None:
    """Read rows of pieces as one padded batch."""
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows], device=model.device)
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=model.device)
    model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)
