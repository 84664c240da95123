"""A new base without any training: a tokenizer of its own, and a small Llama with its first weights."""

from pathlib import Path
from typing import TYPE_CHECKING, Iterable, Optional

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from ..errors import BaseModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MARKERS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# Text between a word and its label in the BIO formats.
BIO_SEPARATOR = r": [BI]-|: O\n"
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def make_tokenizer(texts: Iterable[str], pieces: int) -> "PreTrainedTokenizerFast":
    """Train a byte-level BPE tokenizer with chat markers.

    A space is a piece of its own, and so is each digit: a word has the same pieces in the text and at the start of a line of the
    answer, so a small model can copy it. The separator of a word and its BIO label becomes one piece if the texts hold it often.

    texts (Iterable[str]): Training texts.
    pieces (int): Size of the vocabulary.
    RETURNS (PreTrainedTokenizerFast): The tokenizer, with a chat template.
    """
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(rf"{BIO_SEPARATOR}| |\p{{N}}|\n|[^\s\p{{L}}\p{{N}}]"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=pieces,
        special_tokens=MARKERS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=MARKERS[1],
        eos_token=MARKERS[2],
        pad_token=MARKERS[0],
        clean_up_tokenization_spaces=False,
        model_max_length=2048,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def make_base(
    folder: Path, texts: Iterable[str], pieces: int, hidden: int, layers: int, heads: int, encoder: Optional[Path] = None
) -> None:
    """Write a base that has learned nothing.

    With at least two layers and four heads of 16 dimensions, it can copy all the same; see `write_induction_circuit`.

    folder (Path): Folder to write.
    texts (Iterable[str]): Training texts of the tokenizer.
    pieces (int): Size of the vocabulary.
    hidden (int): Width of the model.
    layers (int): Number of layers.
    heads (int): Number of attention heads, two of which share keys and values.
    encoder (Optional[Path]): A model whose word vectors become the first embeddings.
    RAISES (BaseModelError): If the numbers make no model, or the encoder cannot be read.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from ..models.pretrained.base_files import save_base
    from .embedding_init import embeddings_from_encoder
    from .induction_init import write_induction_circuit

    if heads < 2 or heads % 2 or hidden % (2 * heads) or layers < 1:
        raise BaseModelError(
            f"Got hidden = {hidden}, heads = {heads}, layers = {layers}. Allowed are an even number of heads, a width that is a "
            "multiple of twice that number, and at least one layer."
        )
    tokenizer = make_tokenizer(texts, pieces)
    config = LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=hidden * 8 // 3,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads // 2,
        max_position_embeddings=2048,
        rope_theta=100_000.0,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        torch_dtype="bfloat16",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
        if encoder is not None:
            model.get_input_embeddings().weight.data = embeddings_from_encoder(encoder, tokenizer, hidden)
        if layers >= 2 and heads >= 4 and hidden // heads >= 16:
            write_induction_circuit(model)
    save_base(model.to(torch.bfloat16), tokenizer, folder)
