"""Learning answers and writing them, over a tiny Llama with random weights."""

import random
from copy import deepcopy
from dataclasses import replace
from typing import Any, Iterator, Sequence
from unittest.mock import patch

import pytest
import torch
from generator_cases import (
    FORMATS,
    FORMS,
    INTENTS,
    LABELS,
    ask,
    assert_same,
    random_docs,
    since,
    split,
    teach,
    texts_of,
    with_entities,
)
from peft import get_peft_model
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch
from transformers import AutoConfig, AutoModelForCausalLM

from spacy_slm_ner.constraints.grammar import find_path
from spacy_slm_ner.constraints.guide import Answer, GrammarGuide
from spacy_slm_ner.formats.base import Request
from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.formats.token_lines import TokenLines
from spacy_slm_ner.models.generation.decoder import Decoder
from spacy_slm_ner.models.generation.generator import Generator
from spacy_slm_ner.models.generation.training_examples import decide, target_pieces
from spacy_slm_ner.models.pretrained.adapters import add_adapter
from spacy_slm_ner.models.pretrained.chat_tokenizer import ChatTokenizer
from spacy_slm_ner.models.pretrained.lora import create_lora


def make_generator(chat: ChatTokenizer, kind: str = "llama", layers: int = 2, dtype: Any = torch.float32) -> Generator:
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": layers, "num_attention_heads": 2}
    shape |= {"num_key_value_heads": 2, "vocab_size": 400, "initializer_range": 0.3, "pad_token_id": None}
    return Generator(AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **shape)), chat, dtype)


@pytest.fixture(scope="module")
def generator(tiny_chat: ChatTokenizer) -> Generator:
    return make_generator(tiny_chat)


TRAINING_DOCS = [
    with_entities("Come at 4 pm or May 5", (2, 4, "TIME"), (5, 7, "DATE")),
    with_entities("4 or 4", (2, 3, "TIME")),
    with_entities("Friday", (0, 1, "DATE")),
    with_entities("nothing to see here , <|im_end|> at all <DATE>"),
    with_entities("五月 😀 or May May May", (0, 1, "DATE"), (5, 6, "DATE")),
    with_entities("x"),
]


@torch.no_grad()
def by_hand(generator: Generator, request: Request) -> float:
    return float(loss_by_hand(generator, request))


def loss_by_hand(generator: Generator, request: Request) -> torch.Tensor:
    """Negative log-likelihood of an answer, alone and without padding: of all its pieces where it is free, else among the allowed
    ones."""
    prompt = [piece for part in generator.chat.prompt(request.messages) for piece in part]
    path = find_path(request.grammar, request.target or "") or []
    answer = [piece for edge in path for piece in generator.chat.encode(edge.text)] + [generator.chat.end]
    generator.model.train()
    logits = generator.model(input_ids=torch.tensor([prompt + answer])).logits[0].double()
    guide = GrammarGuide(request.grammar, generator.chat.encode, generator.chat.end)
    total, place = logits.new_zeros(()), len(prompt) - 1
    chosen = [piece for edge in path for piece in generator.chat.encode(edge.chosen)] + [generator.chat.end]
    for piece in chosen if request.constrained else answer:
        choice = list(guide.allowed()) if request.constrained else list(range(logits.shape[1]))
        total = total - torch.log_softmax(logits[place, choice], dim=0)[choice.index(piece)]
        # What is chosen silently is not read.
        place += guide.step(piece) if request.constrained else 1
    return total


def free(requests: Sequence[Request]) -> list[Request]:
    return [request._replace(constrained=False) for request in requests]


def mixed(requests: Sequence[Request]) -> list[Request]:
    return [request._replace(constrained=i % 2 == 0) for i, request in enumerate(requests)]


KINDS = pytest.mark.parametrize("kind", [list, free, mixed], ids=["constrained", "free", "mixed"])


# Learning


@FORMATS
@pytest.mark.parametrize("number", range(len(TRAINING_DOCS)))
@pytest.mark.parametrize("constrained", [True, False], ids=["constrained", "free"])
def test_a_loss_is_that_of_the_answers_pieces(format: type, number: int, constrained: bool, generator: Generator) -> None:
    request = teach(TRAINING_DOCS[number], format)._replace(constrained=constrained)
    assert generator.nll([request]).tolist() == [pytest.approx(by_hand(generator, request), rel=1e-4, abs=1e-4)]


@FORMATS
@KINDS
def test_a_loss_does_not_depend_on_the_batch(format: type, kind: Any, generator: Generator) -> None:
    requests = kind([teach(doc, format) for doc in TRAINING_DOCS])
    expected = [pytest.approx(by_hand(generator, request), rel=1e-4, abs=1e-4) for request in requests]
    assert generator.nll(requests).tolist() == expected
    assert generator.nll(requests[::-1]).tolist() == expected[::-1]


def test_the_texts_of_prompts_are_learned_as_far_as_asked(generator: Generator) -> None:
    request = teach(TRAINING_DOCS[0])
    prefix, suffix = generator.chat.prompt(request.messages)
    with torch.no_grad():
        logits = generator.model(input_ids=torch.tensor([[*prefix, *suffix]])).logits[0]
    logprobs = torch.log_softmax(logits.float(), dim=1)
    text = -sum(float(logprobs[place - 1, piece]) for place, piece in enumerate(suffix, len(prefix)))
    learning = replace(generator, learn_prompts=0.5)
    assert learning.nll([request]).tolist() == [pytest.approx(by_hand(generator, request) + 0.5 * text, rel=1e-4)]


@pytest.mark.parametrize("longest", [0, 512], ids=["fused", "plain"])
def test_a_loss_does_not_depend_on_the_kind_of_attention(
    longest: int, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [teach(doc) for doc in TRAINING_DOCS]
    expected = [pytest.approx(by_hand(generator, request), rel=1e-4, abs=1e-4) for request in requests]
    monkeypatch.setattr("spacy_slm_ner.models.generation.training_pass.LONG", longest)
    assert generator.nll(requests).tolist() == expected
    assert generator.model.config._attn_implementation == "sdpa"


def test_training_requests_of_different_tasks_share_a_batch(generator: Generator) -> None:
    requests = [teach(doc, form) for doc, form in zip(TRAINING_DOCS, [*FORMS, *FORMS])]
    expected = [pytest.approx(by_hand(generator, request), rel=1e-4, abs=1e-4) for request in requests]
    assert generator.nll(requests).tolist() == expected


@FORMATS
def test_a_loss_is_that_of_the_scores_with_which_the_answer_is_written(format: type, generator: Generator) -> None:
    requests = [ask(doc, format) for doc in TRAINING_DOCS]
    answers = generator.generate(requests)
    losses = generator.nll([request._replace(target=answer.text) for request, answer in zip(requests, answers)])
    scores = [sum(written.logprob for written in answer.path) for answer in answers]
    # What ends an answer belongs to no segment.
    assert all(loss >= -score - 1e-4 for loss, score in zip(losses.tolist(), scores))
    assert losses.tolist() == [pytest.approx(by_hand(generator, one), abs=1e-3) for one in written_as(requests, answers)]


def written_as(requests: Sequence[Request], answers: Sequence[Answer]) -> list[Request]:
    return [request._replace(target=answer.text) for request, answer in zip(requests, answers)]


def test_a_text_without_a_choice_costs_nothing(generator: Generator, nlp: Language) -> None:
    empty = teach(nlp.make_doc("\n"))
    assert generator.nll([empty]).tolist() == [0.0]
    losses = generator.nll([empty, teach(TRAINING_DOCS[0])])
    assert losses[0] == 0.0 and losses[1] > 0
    losses.sum().backward()


@pytest.mark.parametrize("kind", ["qwen2", pytest.param("gpt2", marks=since("4.52")), "gpt_neox"])
def test_other_architectures_learn_the_same(kind: str, tiny_chat: ChatTokenizer) -> None:
    generator = make_generator(tiny_chat, kind)
    for module in generator.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    requests = [teach(doc) for doc in TRAINING_DOCS]
    expected = [pytest.approx(by_hand(generator, request), rel=1e-4, abs=1e-4) for request in requests]
    assert generator.nll(requests).tolist() == expected


@KINDS
def test_the_gradient_is_that_of_the_sum(kind: Any, generator: Generator) -> None:
    requests = kind([teach(doc) for doc in TRAINING_DOCS[:3]])
    weight = generator.model.get_output_embeddings().weight

    def gradient(batch: Sequence[Request]) -> torch.Tensor:
        generator.model.zero_grad()
        generator.nll(batch).sum().backward()
        assert weight.grad is not None
        return weight.grad.clone()

    torch.testing.assert_close(gradient(requests), sum(gradient([request]) for request in requests), rtol=1e-3, atol=1e-5)
    generator.model.zero_grad()


def test_only_pieces_that_are_allowed_are_learned_and_unlearned(generator: Generator) -> None:
    request = teach(split("Friday"))
    generator.model.zero_grad()
    generator.nll([request]).sum().backward()
    touched = generator.model.get_output_embeddings().weight.grad.abs().sum(dim=1).nonzero().flatten().tolist()
    assert touched == sorted({generator.chat.end, generator.chat.encode("Friday")[0]})
    generator.model.zero_grad()


def test_a_free_answer_is_learned_among_all_pieces(generator: Generator) -> None:
    generator.model.zero_grad()
    generator.nll(free([teach(split("Friday"))])).sum().backward()
    touched = generator.model.get_output_embeddings().weight.grad.abs().sum(dim=1)
    assert int((touched > 0).sum()) == len(touched)
    generator.model.zero_grad()


@FORMATS
def test_gradients_are_those_of_peft_on_each_text_alone(format: type, tiny_chat: ChatTokenizer) -> None:
    generator = make_generator(tiny_chat)
    config = create_lora(r=4, dropout=0.0).to_peft("CAUSAL_LM")
    plain = replace(generator, model=get_peft_model(deepcopy(generator.model), config))
    generator.model = add_adapter(generator.model, "default", config)
    torch.manual_seed(1)
    pairs = list(zip(generator.model.parameters(), plain.model.parameters(), strict=True))
    for ours, theirs in pairs:
        if ours.requires_grad:
            torch.nn.init.normal_(ours, std=0.1)
            theirs.data.copy_(ours.data)
    requests = [teach(doc, format) for doc in TRAINING_DOCS]
    generator.nll(requests).sum().backward()
    for request in requests:
        loss_by_hand(plain, request).backward()
    trained = [(ours.grad, theirs.grad) for ours, theirs in pairs if ours.requires_grad]
    assert len(trained) == 2 * 2 * 7
    for found, expected in trained:
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@KINDS
def test_decisions_are_the_pieces_that_have_alternatives(kind: Any, generator: Generator) -> None:
    for request in kind([teach(doc) for doc in TRAINING_DOCS]):
        answer, decisions = decide(generator.chat, request)
        assert answer == target_pieces(generator.chat, request)
        if not request.constrained:
            assert [tuple(one[:3]) for one in decisions] == [(place, piece, None) for place, piece in enumerate(answer)]
            continue
        guide = GrammarGuide(request.grammar, generator.chat.encode, generator.chat.end)
        path = find_path(request.grammar, request.target or "") or []
        expected, place = [], 0
        for piece in [*(piece for edge in path for piece in generator.chat.encode(edge.chosen)), generator.chat.end]:
            if len(guide.allowed()) > 1:
                expected.append((place, piece, list(guide.allowed())))
            place += guide.step(piece)
        assert [(one.place, one.piece, list(one.allowed or [])) for one in decisions] == expected


@KINDS
def test_what_the_first_line_decides_has_a_weight_of_its_own(kind: Any, generator: Generator) -> None:
    (request,) = kind([teach(TRAINING_DOCS[0])])
    answer, plain = decide(generator.chat, request)
    lines = [generator.chat.decode(answer[: one.place]).count("\n") for one in plain]
    again, weighted = decide(generator.chat, request._replace(first_line_weight=3.0))
    assert again == answer
    assert [one._replace(weight=1.0) for one in weighted] == plain
    assert [one.weight for one in weighted] == [1.0 if line else 3.0 for line in lines]
    assert {one.weight for one in weighted} == {1.0, 3.0}
    # The loss is linear in it.
    losses = [generator.nll([request._replace(first_line_weight=weight)]).item() for weight in (0.0, 1.0, 2.0)]
    assert losses[2] - losses[1] == pytest.approx(losses[1] - losses[0], rel=1e-4)


def test_pieces_of_a_target_are_those_that_the_constraint_writes(generator: Generator) -> None:
    assert generator.chat.decode(target_pieces(generator.chat, teach(TRAINING_DOCS[0]))) == (
        "4: B-TIME\npm: I-TIME\nMay: B-DATE\n5: I-DATE\n<|im_end|>"
    )


@pytest.mark.parametrize("target", ["Monday: B-DATE\n", "4: B-PLACE\n", "4: B-TIME", None], ids=["word", "label", "cut", "none"])
def test_a_target_that_the_constraint_cannot_write_is_an_error(target: Any, generator: Generator) -> None:
    request = ask(split("Come at 4"), target=target)
    with pytest.raises(ValueError, match="which the constraint of its format cannot write") as caught:
        generator.nll([request])
    assert repr(target) in str(caught.value)


# Writing


@KINDS
def test_what_was_learned_by_heart_is_written(kind: Any, tiny_chat: ChatTokenizer) -> None:
    generator = make_generator(tiny_chat)
    requests = kind([teach(doc) for doc in TRAINING_DOCS[:3]])
    optimizer = torch.optim.Adam(generator.model.parameters(), lr=0.02)
    for _ in range(45):
        optimizer.zero_grad()
        generator.nll(requests).mean().backward()
        optimizer.step()
    generator.changed()
    assert texts_of(generator.generate(requests)) == [request.target for request in requests]


def test_changed_weights_are_used_once_they_are_announced(tiny_chat: ChatTokenizer) -> None:
    generator, other = make_generator(tiny_chat), make_generator(tiny_chat)
    requests = [ask(doc) for doc in TRAINING_DOCS]
    before = generator.generate(requests)
    with torch.no_grad():
        for parameter in (*generator.model.parameters(), *other.model.parameters()):
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) * 0.2)
    generator.changed()
    after = generator.generate(requests)
    assert_same(after, other.generate(requests), 1e-5)
    assert [answer.path for answer in after] != [answer.path for answer in before]


def test_learning_in_between_does_not_disturb_writing(tiny_chat: ChatTokenizer) -> None:
    generator = make_generator(tiny_chat)
    requests = [teach(doc) for doc in TRAINING_DOCS]
    before = generator.generate(requests)
    generator.nll(requests).sum().backward()
    assert_same(generator.generate(requests), before, 0.0)


def test_nothing_to_write_is_no_work(generator: Generator) -> None:
    assert generator.generate([]) == []


def test_a_free_answer_is_cut_off_at_a_length_that_depends_on_the_text(tiny_chat: ChatTokenizer) -> None:
    generator = make_generator(tiny_chat)
    with torch.no_grad():
        weight = generator.model.get_output_embeddings().weight
        weight[generator.chat.end] = 0
    [answer] = generator.generate([ask(split("x"), constrained=False)])
    assert not answer.complete
    pieces = 64 + 3 * len(generator.chat.encode_plain("x"))
    assert len(answer.text) > 0 and len(generator.chat.encode_plain(answer.text)) <= 2 * pieces


def test_free_answers_of_any_kind_can_be_read(generator: Generator, nlp: Language) -> None:
    docs = list(random_docs(nlp, 18, 8))
    requests = [ask(doc, FORMS[i % 3], constrained=False) for i, doc in enumerate(docs)]
    for i, (doc, answer) in enumerate(zip(docs, generator.generate(requests))):
        parsed = FORMS[i % 3](LABELS).parse(answer.text, doc)
        assert_in_order(parsed.spans, doc)
        assert "".join(written.edge.text for written in answer.path) == answer.text


# Precision


def test_whole_weights_are_kept_in_full_and_used_in_half_precision(tiny_chat: ChatTokenizer) -> None:
    generator = make_generator(tiny_chat, dtype=torch.bfloat16)
    requests = [teach(doc) for doc in TRAINING_DOCS]
    generator.nll(requests).sum().backward()
    generator.generate(requests)
    assert {parameter.dtype for parameter in generator.model.parameters()} == {torch.float32}
    assert {parameter.grad.dtype for parameter in generator.model.parameters() if parameter.grad is not None} == {torch.float32}
    assert generator.model.device.type == "cpu"


def test_half_precision_is_close_to_full_precision(tiny_chat: ChatTokenizer, generator: Generator) -> None:
    requests = [teach(doc) for doc in TRAINING_DOCS]
    half = make_generator(tiny_chat, dtype=torch.bfloat16).nll(requests)
    full = generator.nll(requests)
    assert half.dtype == torch.float32
    assert half.tolist() != full.tolist()
    assert half.tolist() == [pytest.approx(loss, rel=0.05) for loss in full.tolist()]


def test_a_generator_around_an_adapter_learns_and_writes(tiny_chat: ChatTokenizer) -> None:
    from peft import get_peft_model

    generator, plain = make_generator(tiny_chat), make_generator(tiny_chat)
    generator.model = get_peft_model(generator.model, create_lora(r=2, dropout=0.0).to_peft("CAUSAL_LM"))
    requests = [teach(doc) for doc in TRAINING_DOCS]
    # A new adapter changes nothing yet.
    assert generator.nll(requests).tolist() == pytest.approx(plain.nll(requests).tolist(), rel=1e-5)
    assert_same(generator.generate(requests), plain.generate(requests), 1e-5)


# Any text


def assert_in_order(spans: Sequence[Any], doc: Doc) -> None:
    end = 0
    for span in spans:
        assert end <= span.start < span.end <= len(doc)
        assert span.label in LABELS
        end = span.end


def batches_of(nlp: Language, count: int, form: Any, seed: int) -> Iterator[tuple[list[Doc], list[Request]]]:
    for docs in minibatch(random_docs(nlp, count, seed, most=10), 64):
        yield docs, [Request(form.render(doc), form.constraint(doc)) for doc in docs]


@FORMATS
@pytest.mark.parametrize("intents", [(), INTENTS], ids=["entities", "intents"])
def test_every_answer_to_any_text_can_be_read(
    format: type, intents: tuple[str, ...], nlp: Language, tiny_chat: ChatTokenizer
) -> None:
    generator = make_generator(tiny_chat, layers=1)
    with torch.no_grad():
        # Long answers, which try more.
        weight = generator.model.get_output_embeddings().weight
        weight[generator.chat.end] = 0
    form = format(LABELS, intents)
    entities = 0
    for docs, requests in batches_of(nlp, 220, form, FORMS.index(format) + 3 * len(intents)):
        for doc, answer in zip(docs, generator.generate(requests), strict=True):
            parsed = form.parse(answer.text, doc)
            assert answer.complete
            assert parsed.problems == [], doc.text
            assert (parsed.intent in intents) if intents else parsed.intent is None
            assert_in_order(parsed.spans, doc)
            assert "".join(written.edge.text for written in answer.path) == answer.text
            assert all(written.logprob <= 0 for written in answer.path)
            entities += len(parsed.spans)
    # A model that has learned nothing tags nearly all words alike.
    assert entities > 50 or format is TokenLines


def test_texts_of_all_lengths_are_answered_together(generator: Generator) -> None:
    choice = random.Random(0)
    words = ["May", "4", "pm", "or"]
    docs = [Doc(split("").vocab, words=[choice.choice(words) for _ in range(length)]) for length in (0, 1, 60, 2, 0, 25, 3)]
    answers = generator.generate([ask(doc) for doc in docs])
    for doc, answer in zip(docs, answers, strict=True):
        assert answer.complete and BioLines(LABELS).parse(answer.text, doc).problems == []


def test_what_is_asked_twice_is_answered_once(generator: Generator) -> None:
    """The same text in other tokens is another question."""
    docs = [split("on May 5"), split("at 4"), split("on May 5"), Doc(split("").vocab, words=["on", "May 5"])]
    assert docs[0].text.strip() == docs[3].text.strip()
    requests = [ask(doc) for doc in docs]
    with patch.object(Decoder, "decode", autospec=True, side_effect=Decoder.decode) as spy:
        found = generator.generate(requests)
    [call] = spy.call_args_list
    assert len(call.args[1]) == 3
    assert_same(found, [answer for request in requests for answer in generator.generate([request])])
