"""The batched decoder against a plain one, which reads everything anew for every piece."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence
from unittest.mock import patch

import pytest
import torch
from generator_cases import FORMATS, FORMS, LABELS, WORDS, ask, assert_same, random_docs, since, split, texts_of
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, Span
from transformers import AutoConfig, AutoModelForCausalLM

from spacy_slm_ner.constraints.draft import Draft
from spacy_slm_ner.constraints.grammar import Edge, State
from spacy_slm_ner.constraints.guide import Answer, FreeGuide, GrammarGuide, Guide
from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.formats.base import Request
from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.formats.inline_tags import InlineTags
from spacy_slm_ner.formats.span_lines import SpanLines
from spacy_slm_ner.formats.token_lines import TokenLines
from spacy_slm_ner.models.generation.decoder import Decoder, shared_prefixes
from spacy_slm_ner.models.generation.kv_cache import key_values, to_cache
from spacy_slm_ner.models.generation.lm_head import LMHead
from spacy_slm_ner.models.generation.packed_reader import PackedReader, round_up
from spacy_slm_ner.models.pretrained.chat_tokenizer import ChatTokenizer, Prompt

# What some architectures call the sizes of `tiny_model`.
SHAPES = {
    "opt": {"ffn_dim": 32, "word_embed_proj_dim": 32},
    "gptj": {"n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4},
    "codegen": {"n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4},
    "mpt": {"d_model": 32, "n_layers": 2, "n_heads": 4},
    "xglm": {"d_model": 32, "num_layers": 2, "attention_heads": 4, "ffn_dim": 32},
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 32},
}
END = 2  # as the tokenizer of tiny_llama has it
Make = Callable[[Request], Guide]


def tiny_model(kind: str = "llama", seed: int = 0, **settings: Any) -> Any:
    """Random weights, so large that every piece and its place matter."""
    torch.manual_seed(seed)
    shape = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    shape |= {"num_key_value_heads": 2, "vocab_size": 400, "initializer_range": 0.3, **settings}
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **shape)).eval()


@pytest.fixture(scope="module")
def model() -> Any:
    return talkative(tiny_model())


@torch.no_grad()
def talkative(model: Any) -> Any:
    """Let the end of a text never be likelier than average, so that answers are long and of many kinds."""
    model.get_output_embeddings().weight[END] = 0
    return model


@pytest.fixture
def guide(tiny_chat: ChatTokenizer) -> Make:
    return lambda request: GrammarGuide(request.grammar, tiny_chat.encode, tiny_chat.end)


@torch.inference_mode()
def plain_decode(model: Any, prompt: Prompt, guide: Guide) -> Answer:
    """One sequence, one piece a step, nothing remembered."""
    ids = [*prompt.prefix, *prompt.suffix]
    while not guide.done:
        allowed = guide.allowed()
        if allowed is not None and len(allowed) == 1:
            # Its probability is 1, whatever the model says.
            if guide.step(allowed[0], 0.0):
                ids.append(allowed[0])
            continue
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].float()
        choice = torch.arange(len(logits)) if allowed is None else torch.tensor(allowed)
        logprobs = torch.log_softmax(logits[choice], dim=0)
        best = int(logprobs.argmax())
        piece = int(choice[best])
        if guide.step(piece, float(logprobs[best])):
            ids.append(piece)
    return guide.answer()


def decode(decoder: Decoder, chat: ChatTokenizer, requests: Sequence[Request], make: Make) -> list[Answer]:
    guides = [make(request) for request in requests]
    decoder.decode([chat.prompt(request.messages) for request in requests], guides)
    assert all(guide.done for guide in guides)
    return [guide.answer() for guide in guides]


def plainly(model: Any, chat: ChatTokenizer, requests: Sequence[Request], make: Make) -> list[Answer]:
    return [plain_decode(model, chat.prompt(request.messages), make(request)) for request in requests]


# Against the plain decoder


@FORMATS
@pytest.mark.parametrize("seed", range(2))
def test_answers_and_scores_are_those_of_a_plain_decoder(
    format: type, seed: int, nlp: Language, tiny_chat: ChatTokenizer, guide: Make
) -> None:
    model = talkative(tiny_model(seed=seed))
    requests = [ask(doc, format) for doc in random_docs(nlp, 28, 10 * seed + FORMS.index(format), most=6)]
    found = decode(Decoder(model), tiny_chat, requests, guide)
    assert len({answer.text for answer in found}) > 7
    assert_same(found, plainly(model, tiny_chat, requests, guide))


@pytest.mark.parametrize(
    ("kind", "settings", "packed"),
    [
        pytest.param("llama", {"rope_theta": 100.0, "attention_bias": True}, True, id="llama"),
        pytest.param("qwen2", {}, True, id="qwen2"),
        pytest.param("qwen3", {"head_dim": 8}, True, id="qwen3", marks=since("4.51")),
        pytest.param("gemma2", {"head_dim": 8, "pad_token_id": 0}, False, id="gemma2"),
        pytest.param("gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 4}, True, id="gpt2", marks=since("4.52")),
        pytest.param("gpt_neox", {}, None, id="gpt-neox"),
        pytest.param("mistral", {"sliding_window": 24}, True, id="mistral-with-a-window"),
        pytest.param(
            "gemma3_text",
            {"head_dim": 8, "pad_token_id": 0, "sliding_window": 24},
            None,
            id="gemma3-with-windows",
            marks=since("4.50"),
        ),
        pytest.param("stablelm", {}, None, id="stablelm"),
        pytest.param("falcon", {"alibi": True}, False, id="falcon-with-alibi"),
        pytest.param("cohere2", {"sliding_window": 24}, True, id="cohere2-with-windows"),
        pytest.param("granite", {"attention_multiplier": 0.5}, True, id="granite"),
    ],
)
def test_other_architectures_answer_as_a_plain_decoder(
    kind: str, settings: dict[str, Any], packed: bool | None, nlp: Language, tiny_chat: ChatTokenizer, guide: Make
) -> None:
    model = tiny_model(kind, **settings)
    decoder = Decoder(model)
    assert packed is None or (decoder.packed is not None) == packed
    requests = [ask(doc) for doc in random_docs(nlp, 6, 5, most=5)]
    assert_same(decode(decoder, tiny_chat, requests, guide), plainly(model, tiny_chat, requests, guide))


@pytest.mark.parametrize("kind", ["bloom", "opt", "gptj", "phi", "mpt", "xglm", "codegen", "biogpt", "mamba", "xlnet", "bert"])
def test_an_architecture_answers_as_a_plain_decoder_or_is_refused(
    kind: str, nlp: Language, tiny_chat: ChatTokenizer, guide: Make
) -> None:
    """Which are refused depends on the version of transformers: they differ in what a model takes and does."""
    model = tiny_model(kind, **SHAPES.get(kind, {}))
    try:
        decoder = Decoder(model)
    except BaseModelError as error:
        assert "cannot be decoded in batches: " in str(error) and "Name a decoder of another kind" in str(error)
        return
    requests = [ask(doc) for doc in random_docs(nlp, 4, 5, most=3)]
    assert_same(decode(decoder, tiny_chat, requests, guide), plainly(model, tiny_chat, requests, guide))


@pytest.mark.parametrize("kind", ["mamba", "bert"])
def test_a_model_without_keys_and_values_is_refused(kind: str) -> None:
    with pytest.raises(BaseModelError, match=r"Got a (Mamba|BertLM).* as a base that writes, but it cannot be decoded"):
        Decoder(tiny_model(kind))


def test_a_window_of_attention_needs_no_batch_to_be_right(nlp: Language, tiny_chat: ChatTokenizer, guide: Make) -> None:
    model = tiny_model("mistral", sliding_window=24)
    requests = [ask(doc) for doc in random_docs(nlp, 6, 5, most=5)]
    expected = plainly(model, tiny_chat, requests, guide)
    assert_same(decode(Decoder(model, batch_pieces=1), tiny_chat, requests, guide), expected)
    padded = Decoder(model)
    padded.packed = None
    assert_same(decode(padded, tiny_chat, requests, guide), expected)


def test_free_answers_are_those_of_a_plain_decoder(model: Any, nlp: Language, tiny_chat: ChatTokenizer) -> None:
    requests = [ask(doc) for doc in random_docs(nlp, 8, 3, most=5)]

    def free(request: Request) -> Guide:
        return FreeGuide(tiny_chat.decode, tiny_chat.end, 12)

    found = decode(Decoder(model), tiny_chat, requests, free)
    assert_same(found, plainly(model, tiny_chat, requests, free))
    assert len(set(texts_of(found))) > 1


def test_free_and_constrained_rows_are_decoded_together(model: Any, tiny_chat: ChatTokenizer, guide: Make) -> None:
    requests = [ask(split(text), constrained=i % 2 == 0) for i, text in enumerate(["4 pm", "May 5", "at 4", "Friday"])]

    def either(request: Request) -> Guide:
        return guide(request) if request.constrained else FreeGuide(tiny_chat.decode, tiny_chat.end, 9)

    assert_same(decode(Decoder(model), tiny_chat, requests, either), plainly(model, tiny_chat, requests, either))


# Batches


@pytest.fixture(scope="module")
def requests(nlp: Language) -> list[Request]:
    docs = random_docs(nlp, 24, 1, most=8)
    return [ask(doc, FORMS[i % 3]) for i, doc in enumerate(docs)]


@pytest.fixture(scope="module")
def alone(model: Any, tiny_chat: ChatTokenizer, requests: list[Request]) -> list[Answer]:
    def make(request: Request) -> Guide:
        return GrammarGuide(request.grammar, tiny_chat.encode, tiny_chat.end)

    return [decode(Decoder(model), tiny_chat, [request], make)[0] for request in requests]


@pytest.mark.parametrize("size", [3, 20, 24])
def test_batches_of_any_size_give_the_same_answers(
    size: int, model: Any, tiny_chat: ChatTokenizer, guide: Make, requests: list[Request], alone: list[Answer]
) -> None:
    decoder = Decoder(model)
    batches = [requests[i : i + size] for i in range(0, len(requests), size)]
    assert_same([answer for batch in batches for answer in decode(decoder, tiny_chat, batch, guide)], alone)


@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_a_batch_does_not_matter(
    seed: int, model: Any, tiny_chat: ChatTokenizer, guide: Make, requests: list[Request], alone: list[Answer]
) -> None:
    order = random.Random(seed).sample(range(len(requests)), len(requests))
    found = decode(Decoder(model), tiny_chat, [requests[i] for i in order], guide)
    assert_same(found, [alone[i] for i in order])


@pytest.mark.parametrize(
    ("batch_pieces", "packed"),
    [
        pytest.param(1, True, id="packed-1"),
        pytest.param(40, True, id="packed-40"),
        pytest.param(400, True, id="packed-400"),
        pytest.param(1, False, id="padded-1"),
        pytest.param(100, False, id="padded-100"),
        pytest.param(1000, False, id="padded-1000"),
    ],
)
def test_the_limit_of_pieces_does_not_change_answers(
    batch_pieces: int,
    packed: bool,
    model: Any,
    tiny_chat: ChatTokenizer,
    guide: Make,
    requests: list[Request],
    alone: list[Answer],
) -> None:
    """Rows enter one after the other, while others are on their way."""
    decoder = Decoder(model, batch_pieces)
    decoder.packed = decoder.packed if packed else None
    assert_same(decode(decoder, tiny_chat, requests, guide), alone)
    assert_same(drafted(decoder, tiny_chat, requests, texts_of(alone)[::-1]), alone)


def test_padded_batches_give_the_same_answers(
    model: Any, tiny_chat: ChatTokenizer, guide: Make, requests: list[Request], alone: list[Answer]
) -> None:
    """As those of a model that cannot be packed."""
    decoder = Decoder(model)
    decoder.packed = None
    assert_same(decode(decoder, tiny_chat, requests, guide), alone)
    assert_same(drafted(decoder, tiny_chat, requests, texts_of(alone)), alone)


def test_repeated_requests_get_the_same_answers(
    model: Any, tiny_chat: ChatTokenizer, guide: Make, requests: list[Request], alone: list[Answer]
) -> None:
    decoder = Decoder(model)
    for _ in range(2):
        assert_same(decode(decoder, tiny_chat, requests[:6], guide), alone[:6])


def test_prefixes_of_different_tasks_do_not_mix(model: Any, tiny_chat: ChatTokenizer, guide: Make) -> None:
    docs = [split(text) for text in ("Come at 4 pm", "May 5 or May 4", "Friday")]
    labels = [("A",), ("DATE", "TIME"), ("DATE", "TIME", "PERSON")]
    forms = [BioLines(names) for names in labels]
    requests = [Request(form.render(doc), form.constraint(doc)) for doc in docs for form in forms]
    decoder = Decoder(model)
    assert_same(decode(decoder, tiny_chat, requests, guide), plainly(model, tiny_chat, requests, guide))
    assert len(decoder.prefixes.known) == 3


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "padded"])
def test_tasks_of_one_text_each_are_read_together(packed: bool, model: Any, tiny_chat: ChatTokenizer, guide: Make) -> None:
    """What their prompts begin with is read once, the rest with the texts."""
    forms = [BioLines((f"L{number}", "DATE")) for number in range(8)]
    docs = [split(" ".join(WORDS[: 2 + number])) for number in range(8)]
    requests = [Request(form.render(doc), form.constraint(doc)) for doc, form in zip(docs, forms)]
    decoder = Decoder(model)
    decoder.packed = decoder.packed if packed else None
    with Counting(decoder) as counting:
        found = decode(decoder, tiny_chat, requests, guide)
    assert_same(found, plainly(model, tiny_chat, requests, guide))
    [known] = decoder.prefixes.known
    prefixes = [tiny_chat.prompt(request.messages).prefix for request in requests]
    assert all(prefix[: len(known)] == known for prefix in prefixes) and len({prefix[len(known)] for prefix in prefixes}) > 1
    assert counting.read[0] == len(known)
    assert len(counting.read) <= 1 + max(map(len, passes_of(decoder, tiny_chat, requests, guide)))


def passes_of(decoder: Decoder, chat: ChatTokenizer, requests: Sequence[Request], make: Make) -> Iterator[list[int]]:
    """Pieces of each pass of each request alone."""
    for request in requests:
        with Counting(decoder) as counting:
            decode(decoder, chat, [request], make)
        yield counting.read


@pytest.mark.parametrize(
    ("prefixes", "known"),
    [
        pytest.param(["abc", "abc"], ["abc", "abc"], id="the-same"),
        pytest.param(["abc"], ["abc"], id="one"),
        pytest.param(["abc", "abd"], ["ab", "ab"], id="alike"),
        pytest.param(["abc", "abd", "abc"], ["abc", "abd", "abc"], id="one-beside-others"),
        pytest.param(["abc", "abx", "abc", "aby"], ["abc", "ab", "abc", "ab"], id="some-alike"),
        pytest.param(["abc", "xyz"], ["a", "x"], id="nothing-in-common"),
        pytest.param(["ab", "abc"], ["ab", "ab"], id="one-begins-another"),
        pytest.param([], [], id="none"),
    ],
)
def test_what_prompts_share_is_read_once(prefixes: list[str], known: list[str]) -> None:
    assert shared_prefixes([tuple(map(ord, prefix)) for prefix in prefixes]) == [tuple(map(ord, one)) for one in known]


def test_more_tasks_than_are_remembered_are_answered(model: Any, tiny_chat: ChatTokenizer, guide: Make) -> None:
    forms = [BioLines((f"L{number}",)) for number in range(20)]
    doc = split("Come at 4")
    requests = [Request(form.render(doc), form.constraint(doc)) for form in forms]
    decoder = Decoder(model)
    found = decode(decoder, tiny_chat, requests + requests[:1], guide)
    assert_same(found, plainly(model, tiny_chat, requests + requests[:1], guide))
    assert len(decoder.prefixes.known) <= 17


def reading_model(decoder: Decoder) -> Any:
    """The model that reads what is behind the cached prefixes."""
    return decoder.model if decoder.packed is None else decoder.packed.model


class Counting:
    """Counts the pieces that a model reads at a time, by a decoder that is there."""

    def __init__(self, decoder: Decoder) -> None:
        self.read: list[int] = []
        models = {id(model): model for model in (decoder.model, reading_model(decoder))}.values()
        self._hooks = [model.base_model.register_forward_pre_hook(self._count, with_kwargs=True) for model in models]

    def _count(self, module: Any, args: Any, inputs: dict[str, Any]) -> None:
        self.read.append(inputs["input_ids"].numel())

    def __enter__(self) -> "Counting":
        return self

    def __exit__(self, *error: object) -> None:
        for hook in self._hooks:
            hook.remove()


@pytest.mark.parametrize("packed", [True, False])
def test_states_are_projected_from_memory_of_their_own(packed: bool, model: Any, tiny_chat: ChatTokenizer) -> None:
    """A slice is read a hundred times slower, in bf16 on a CPU."""
    compact: list[bool] = []
    decoder = Decoder(model)
    decoder.packed = decoder.packed if packed else None
    requests = [ask(split(text)) for text in ("at 4", "on May 5")]
    head = reading_model(decoder).get_output_embeddings()
    spy = head.register_forward_hook(lambda module, args, output: compact.append(args[0].is_contiguous()))
    decode(decoder, tiny_chat, requests, lambda _: FreeGuide(tiny_chat.decode, -1, 3))
    spy.remove()
    assert compact and all(compact)
    assert not head._forward_pre_hooks


def test_only_what_is_allowed_is_projected(model: Any, tiny_chat: ChatTokenizer, guide: Make) -> None:
    decoder = Decoder(model)
    projected: list[Any] = []
    spy = (
        reading_model(decoder)
        .get_output_embeddings()
        .register_forward_hook(lambda module, args, output: projected.append(output))
    )
    decode(decoder, tiny_chat, [ask(split("on May 5"))], guide)
    spy.remove()
    assert decoder.lm_head.is_linear and not projected


@torch.inference_mode()
def test_weights_are_remembered_of_few_pieces_alone(model: Any) -> None:
    """Labels come again and again, the words of a text do not, and would fill the memory."""
    head = LMHead(model, "past_key_values", True)
    for pieces in ([5, 7], list(range(200)), [5, 7]):
        weight, bias = head.weights(pieces)
        torch.testing.assert_close(torch.from_numpy(weight), head.output.weight[pieces].detach())
        assert not bias.any()
    assert list(head._weights) == [(5, 7)]


@pytest.mark.parametrize(("kind", "plain"), [("llama", True), ("gemma2", False), ("cohere", False)])
def test_scores_that_are_bounded_or_scaled_are_left_to_the_model(kind: str, plain: bool) -> None:
    settings = {"head_dim": 8, "pad_token_id": 0} if kind == "gemma2" else {}
    assert Decoder(tiny_model(kind, **settings)).lm_head.is_linear == plain


def test_a_prefix_is_read_once(model: Any, tiny_chat: ChatTokenizer, guide: Make) -> None:
    decoder = Decoder(model)
    requests = [ask(split(text)) for text in ("at 4", "on May 5")]
    width = len(tiny_chat.prompt(requests[0].messages).prefix)
    with Counting(decoder) as counting:
        for _ in range(2):
            decode(decoder, tiny_chat, requests, guide)
    assert counting.read.count(width) == 1


def test_prompts_are_read_within_the_limit_of_pieces(model: Any, tiny_chat: ChatTokenizer, guide: Make) -> None:
    requests = [ask(split(" ".join(WORDS[:length]))) for length in (1, 9, 2, 7, 12, 3, 5)]
    suffixes = [len(tiny_chat.prompt(request.messages).suffix) for request in requests]
    limit = 2 * max(suffixes)
    decoder = Decoder(model, limit)
    with Counting(decoder) as counting:
        decode(decoder, tiny_chat, requests, guide)
    assert max(suffixes) < max(counting.read[1:]) <= limit


def limited(chat: ChatTokenizer, *limits: int) -> Make:
    """Free answers of so many pieces."""
    left = iter(limits)
    return lambda request: FreeGuide(chat.decode, -1, next(left))


def test_a_row_that_ends_leaves_the_batch(model: Any, tiny_chat: ChatTokenizer) -> None:
    decoder = Decoder(model)
    with Counting(decoder) as counting:
        decode(decoder, tiny_chat, [ask(split(text)) for text in ("4 pm", "May", "Friday")], limited(tiny_chat, 2, 5, 8))
    assert counting.read[2:] == [3, 2, 2, 2, 1, 1, 1]


def test_a_row_that_waits_enters_as_soon_as_there_is_room(model: Any, tiny_chat: ChatTokenizer) -> None:
    """Two find room; the third enters when the second has ended, beside the first."""
    requests = [ask(split(text)) for text in ("4 pm", "5 pm", "6 pm")]
    suffix = len(tiny_chat.prompt(requests[0].messages).suffix)
    decoder = Decoder(model, 2 * (suffix + 2))
    with Counting(decoder) as counting:
        decode(decoder, tiny_chat, requests, limited(tiny_chat, 5, 2, 4))
    assert counting.read[1:] == [2 * suffix, 2, 1 + suffix, 2, 2, 1]


def test_no_row_enters_a_padded_batch(model: Any, tiny_chat: ChatTokenizer) -> None:
    """The others would have to be padded to all that it reads."""
    requests = [ask(split(text)) for text in ("4 pm", "5 pm", "6 pm")]
    suffix = len(tiny_chat.prompt(requests[0].messages).suffix)
    decoder = Decoder(model, 2 * suffix)
    decoder.packed = None
    with Counting(decoder) as counting:
        decode(decoder, tiny_chat, requests, limited(tiny_chat, 5, 2, 4))
    assert counting.read[1:] == [2 * suffix, 2, 1, 1, 1, suffix, 1, 1, 1]


def test_a_store_is_not_as_wide_as_the_longest_text_for_as_many_rows_as_there_are_short_ones(
    model: Any, tiny_chat: ChatTokenizer
) -> None:
    """Long texts are read a few at a time; the many short ones that enter after them need little."""
    texts = [" ".join(WORDS * 8)] * 3 + [f"{number} pm" for number in range(40)]
    limits = [4] * 3 + list(range(2, 42))
    requests = [ask(split(text)) for text in texts]
    longest = len(tiny_chat.prompt(requests[0].messages).suffix)
    shapes: list[tuple[int, int]] = []
    decoder = Decoder(model, 2 * longest)
    real = PackedReader.read

    def read(reader: PackedReader, *args: Any) -> Any:
        found = real(reader, *args)
        shapes.append((reader.store.tensor.shape[2], reader.store.tensor.shape[3]))
        return found

    with patch.object(PackedReader, "read", read):
        found = decode(decoder, tiny_chat, requests, limited(tiny_chat, *limits))
    most, widest = max(rows for rows, _ in shapes), max(places for _, places in shapes)
    assert most > 10 and widest > 2 * longest
    assert max(rows * places for rows, places in shapes) < 0.7 * most * widest
    alone = Decoder(model)
    each = [decode(alone, tiny_chat, [request], limited(tiny_chat, limit))[0] for request, limit in zip(requests, limits)]
    assert_same(found, each)


def test_pieces_without_an_alternative_are_not_read_alone(model: Any, tiny_chat: ChatTokenizer) -> None:
    decoder = Decoder(model)
    with Counting(decoder) as counting:
        decode(decoder, tiny_chat, [ask(split("x"))], lambda _: GrammarGuide(Line(), tiny_chat.encode, tiny_chat.end))
    assert len(tiny_chat.encode("a long line without any choice ")) > 5
    assert len(counting.read) == 2


# Few sizes


@given(count=st.integers(1, 100_000))
def test_few_sizes_are_a_little_more_than_is_needed(count: int) -> None:
    half = torch.empty(0, dtype=torch.bfloat16)
    assert count <= round_up(count, half) <= count * 17 / 16
    assert round_up(round_up(count, half), half) == round_up(count, half)
    assert round_up(count, half.float()) == count


def test_there_are_few_sizes() -> None:
    half = torch.empty(0, dtype=torch.bfloat16)
    assert len({round_up(count, half) for count in range(1, 8193)}) < 170


def test_pieces_that_are_read_in_vain_change_no_answer(nlp: Language, tiny_chat: ChatTokenizer, guide: Make) -> None:
    model = talkative(tiny_model()).bfloat16()
    requests = [ask(doc) for doc in random_docs(nlp, 40, 3, most=9)]
    decoder = Decoder(model)
    decode(decoder, tiny_chat, requests[:1], guide)
    with Counting(decoder) as few:
        found = decode(decoder, tiny_chat, requests, guide)
    with patch("spacy_slm_ner.models.generation.packed_reader.round_up", lambda count, like: count), Counting(decoder) as exact:
        expected = decode(decoder, tiny_chat, requests, guide)
    assert_same(found, expected, 1e-2)
    assert few.read == [round_up(count, torch.empty(0, dtype=torch.bfloat16)) for count in exact.read] != exact.read


# Proposals


def drafted(decoder: Decoder, chat: ChatTokenizer, requests: Sequence[Request], texts: Sequence[str]) -> list[Answer]:
    """Answers to requests that are proposed some texts."""
    guides = [GrammarGuide(request.grammar, chat.encode, chat.end) for request in requests]
    drafts = [Draft(request.grammar, text) for request, text in zip(requests, texts)]
    decoder.decode([chat.prompt(request.messages) for request in requests], guides, drafts)
    assert all(guide.done for guide in guides)
    return [guide.answer() for guide in guides]


def random_target(doc: Doc, format: type, choice: random.Random) -> str:
    """An answer that could be: some tokens as entities."""
    tokens = [token for token in doc if not token.is_space]
    chosen = [token for token in tokens if choice.random() < 0.3]
    copy = Doc(doc.vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])
    copy.set_ents([Span(copy, token.i, token.i + 1, label=choice.choice(LABELS)) for token in chosen], default="outside")
    target: str = format(LABELS).target(copy)
    return target


@pytest.mark.parametrize(
    ("format", "draft_pieces"),
    [(BioLines, 1), (SpanLines, 9), (InlineTags, 64), (TokenLines, 1), (TokenLines, 9), (BioLines, 64)],
)
def test_a_proposal_changes_no_answer(format: type, draft_pieces: int, nlp: Language, tiny_chat: ChatTokenizer) -> None:
    """Random ones, and the answer itself with a part exchanged, in one batch."""
    model = talkative(tiny_model(seed=FORMS.index(format)))
    docs = list(random_docs(nlp, 20, 50 + FORMS.index(format), most=8))
    requests = [ask(doc, format) for doc in docs]
    make: Make = lambda request: GrammarGuide(request.grammar, tiny_chat.encode, tiny_chat.end)
    expected = decode(Decoder(model), tiny_chat, requests, make)
    choice = random.Random(0)
    for texts in ([random_target(doc, format, choice) for doc in docs], texts_of(expected), ["no such answer"] * len(docs)):
        assert_same(drafted(Decoder(model, 300, draft_pieces), tiny_chat, requests, texts), expected)


@FORMATS
def test_a_right_proposal_needs_few_passes(format: type, model: Any, nlp: Language, tiny_chat: ChatTokenizer) -> None:
    requests = [ask(doc, format) for doc in random_docs(nlp, 12, 7, most=6)]
    decoder = Decoder(model, draft_pieces=10_000)
    make: Make = lambda request: GrammarGuide(request.grammar, tiny_chat.encode, tiny_chat.end)
    with Counting(decoder) as plain:
        expected = decode(decoder, tiny_chat, requests, make)
    with Counting(decoder) as proposed:
        found = drafted(decoder, tiny_chat, requests, texts_of(expected))
    assert_same(found, expected)
    # The first proposals are short, and then longer.
    assert len(proposed.read) <= 3 < len(plain.read)


def test_after_a_piece_that_was_not_proposed_the_rest_is_proposed_again(
    model: Any, nlp: Language, tiny_chat: ChatTokenizer
) -> None:
    """Nobody is proposed to be an entity, so a pass is needed for each tag that is not O, not for each token."""
    doc = nlp.make_doc("Come at 4 pm or on May 5 please and then on Friday morning as well")
    request = ask(doc, TokenLines)
    decoder = Decoder(model, draft_pieces=10_000)
    make: Make = lambda one: GrammarGuide(one.grammar, tiny_chat.encode, tiny_chat.end)
    [expected] = decode(decoder, tiny_chat, [request], make)
    tags = sum("-" in written.edge.text for written in expected.path)
    with Counting(decoder) as counting:
        [found] = drafted(decoder, tiny_chat, [request], [TokenLines(LABELS).target(split(doc.text))])
    assert_same([found], [expected])
    assert len(counting.read) <= 2 + 2 * tags


@pytest.mark.parametrize("kind", ["mistral", "gemma2", pytest.param("gpt2", marks=since("4.52"))])
def test_other_architectures_take_proposals(kind: str, nlp: Language, tiny_chat: ChatTokenizer) -> None:
    settings = {"mistral": {"sliding_window": 24}, "gemma2": {"head_dim": 8, "pad_token_id": 0}}
    model = tiny_model(kind, **settings.get(kind, {"n_embd": 32, "n_layer": 2, "n_head": 4}))
    docs = list(random_docs(nlp, 8, 3, most=5))
    requests = [ask(doc, TokenLines) for doc in docs]
    make: Make = lambda request: GrammarGuide(request.grammar, tiny_chat.encode, tiny_chat.end)
    choice = random.Random(1)
    found = drafted(Decoder(model), tiny_chat, requests, [random_target(doc, TokenLines, choice) for doc in docs])
    assert_same(found, plainly(model, tiny_chat, requests, make))


@since("4.52")
def test_a_proposal_does_not_go_beyond_what_a_model_can_read(nlp: Language, tiny_chat: ChatTokenizer) -> None:
    """An answer that ends before the end of the context is not lost because a longer one is proposed."""
    request = ask(nlp.make_doc("Come at 4 pm or on May 5 please"))
    prompt = tiny_chat.prompt(request.messages)
    model = tiny_model("gpt2", n_embd=32, n_layer=2, n_head=4, n_positions=len(prompt.prefix) + len(prompt.suffix) + 3)
    with torch.no_grad():
        # It ends at once, whatever it has read.
        model.lm_head.weight = torch.nn.Parameter(torch.zeros_like(model.lm_head.weight))
        model.transformer.ln_f.weight.zero_()
        model.transformer.ln_f.bias.fill_(1.0)
        model.lm_head.weight[tiny_chat.end] = 1.0
    long = BioLines(LABELS).target(with_all(nlp.make_doc("Come at 4 pm or on May 5 please")))
    assert sum(len(tiny_chat.encode(line)) for line in long.splitlines()) > 10
    [answer] = drafted(Decoder(model), tiny_chat, [request], [long])
    assert answer.text == ""


def with_all(doc: Doc) -> Doc:
    """Every token an entity."""
    doc.set_ents([Span(doc, i, i + 1, label="DATE") for i in range(len(doc))])
    return doc


# Threads


def test_threads_may_decode_at_the_same_time(
    model: Any, tiny_chat: ChatTokenizer, guide: Make, requests: list[Request], alone: list[Answer]
) -> None:
    decoder = Decoder(model)
    parts = [range(start, len(requests), 4) for start in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda part: decode(decoder, tiny_chat, [requests[i] for i in part], guide), parts * 2))
    for part, answers in zip(parts * 2, found):
        assert_same(answers, [alone[i] for i in part])


# Rows that end at once


class Line:
    """One line, then yes or no."""

    start: State = (0,)

    def edges(self, state: State) -> Sequence[Edge]:
        choice = [Edge("y", (2,)), Edge("n", (2,))]
        return {0: [Edge("a long line without any choice ", (1,))], 1: choice}.get(state[0], [])

    def may_end(self, state: State) -> bool:
        return state == (2,)


class Nothing:
    """Only the empty answer."""

    start: State = ()

    def edges(self, state: State) -> Sequence[Edge]:
        return []

    def may_end(self, state: State) -> bool:
        return True


class OneWay:
    """Only one answer."""

    start: State = (0,)

    def edges(self, state: State) -> Sequence[Edge]:
        return [Edge(f"line {state[0]}\n", (state[0] + 1,))] if state[0] < 3 else []

    def may_end(self, state: State) -> bool:
        return state == (3,)


@pytest.mark.parametrize(("grammar", "text"), [(Nothing(), ""), (OneWay(), "line 0\nline 1\nline 2\n")], ids=["empty", "one-way"])
def test_an_answer_without_a_choice_needs_no_sampling(grammar: Any, text: str, model: Any, tiny_chat: ChatTokenizer) -> None:
    decoder = Decoder(model)
    request = ask(split("x"))._replace(grammar=grammar)
    make: Make = lambda one: GrammarGuide(one.grammar, tiny_chat.encode, tiny_chat.end)
    with Counting(decoder) as counting:
        [answer] = decode(decoder, tiny_chat, [request], make)
    assert (answer.text, answer.complete) == (text, True)
    assert [written.logprob for written in answer.path] == [0.0] * len(answer.path)
    assert len(counting.read) <= 1


def test_rows_that_end_at_once_leave_the_others_alone(model: Any, tiny_chat: ChatTokenizer, guide: Make) -> None:
    grammars = [Nothing(), None, OneWay(), None, Nothing(), Line()]
    requests = [ask(split("Come at 4 pm or May 5")) for _ in grammars]
    mixed = [one if grammar is None else one._replace(grammar=grammar) for one, grammar in zip(requests, grammars)]
    found = decode(Decoder(model), tiny_chat, mixed, guide)
    assert_same(found, plainly(model, tiny_chat, mixed, guide))


@FORMATS
@pytest.mark.parametrize("text", ["", "\n", " \t "])
def test_a_text_without_words_gets_an_empty_answer(
    format: type, text: str, model: Any, nlp: Language, tiny_chat: ChatTokenizer, guide: Make
) -> None:
    [answer] = decode(Decoder(model), tiny_chat, [ask(nlp.make_doc(text), format)], guide)
    assert format(LABELS).parse(answer.text, nlp.make_doc(text)) == ([], None, [])


def test_no_prompts_are_no_work(model: Any) -> None:
    Decoder(model).decode([], [])


def test_a_free_answer_is_cut_at_its_limit(model: Any, tiny_chat: ChatTokenizer) -> None:
    [answer] = decode(Decoder(model), tiny_chat, [ask(split("x"))], lambda _: FreeGuide(tiny_chat.decode, -1, 7))
    assert not answer.complete
    assert sum(len(tiny_chat.encode_plain(written.edge.text)) > 0 for written in answer.path) >= 1


@pytest.mark.parametrize("kind", ["llama", "gemma2"])
def test_threads_may_write_freely_at_the_same_time(kind: str, nlp: Language, tiny_chat: ChatTokenizer) -> None:
    """Scores of the whole vocabulary, and those that are bounded, come from the model's own projection, which threads share."""
    decoder = Decoder(talkative(tiny_model(kind, head_dim=8, pad_token_id=0)))
    tasks = [[ask(doc) for doc in random_docs(nlp, 3, seed, most=4)] for seed in range(12)]

    def free(request: Request) -> Guide:
        return FreeGuide(tiny_chat.decode, tiny_chat.end, 12)

    expected = [decode(decoder, tiny_chat, task, free) for task in tasks]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda task: decode(decoder, tiny_chat, task, free), tasks))
    for one, other in zip(found, expected):
        assert_same(one, other)


def test_decoding_keeps_no_gradients(model: Any, tiny_chat: ChatTokenizer, guide: Make) -> None:
    decoder = Decoder(model)
    decode(decoder, tiny_chat, [ask(split("at 4"))], guide)
    assert not any(tensor.requires_grad for layers in decoder.prefixes.known.values() for layer in layers for tensor in layer)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_keys_of_a_prefix_are_not_changed_by_its_rows(model: Any, tiny_chat: ChatTokenizer, guide: Make) -> None:
    decoder = Decoder(model)
    request = ask(split("Come at 4 pm"))
    decode(decoder, tiny_chat, [request, request], guide)
    [(prefix, layers)] = decoder.prefixes.known.items()
    with torch.inference_mode():
        cache = to_cache()
        model(input_ids=torch.tensor([prefix]), use_cache=True, **{decoder.lm_head.cache_argument: cache})
    for found, expected in zip(layers, key_values(cache), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


# The real widths


@pytest.fixture(scope="module")
def smol(smol_folder: Path) -> Iterator[Any]:
    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(smol_folder, num_hidden_layers=8)
    yield AutoModelForCausalLM.from_config(config, torch_dtype=torch.float32).eval()


SHORT = ["at 4 pm", "May 5", "五月 or May", "Friday", "4 or 4", "<|im_end|>", "on May 4", "9:30 please"]


def test_real_pieces_and_real_widths_answer_alike_in_all_batches(smol: Any, smol_chat: ChatTokenizer) -> None:
    requests = [ask(split(text), FORMS[i % 3]) for i, text in enumerate(SHORT)]
    make: Make = lambda request: GrammarGuide(request.grammar, smol_chat.encode, smol_chat.end)
    decoder = Decoder(smol)
    batch = decode(decoder, smol_chat, [requests[i % len(requests)] for i in range(32)], make)
    three = decode(decoder, smol_chat, requests[:3], make)
    alone = [answer for request in requests[:3] for answer in decode(decoder, smol_chat, [request], make)]
    for start in range(0, 32, len(requests)):
        assert_same(batch[start : start + len(requests)], batch[: len(requests)])
    assert_same(three, batch[:3])
    assert_same(alone, batch[:3])
    assert_same(plainly(smol, smol_chat, requests[3:4], make), batch[3:4])
    for request, answer, text in zip(requests, batch, SHORT):
        form = FORMS[SHORT.index(text) % 3](LABELS)
        assert answer.complete and form.parse(answer.text, split(text)).problems == [], request
