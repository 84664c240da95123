"""A small Llama with random weights and a byte-level BPE tokenizer of its own, as the hub would have it."""

from pathlib import Path
from typing import Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

MARKERS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def make_tokenizer(folder: Path, texts: Sequence[str] = (), pieces: int = 300, template: str | None = TEMPLATE) -> None:
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=pieces, special_tokens=MARKERS, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=MARKERS[1], eos_token=MARKERS[2], pad_token=MARKERS[2])
    fast.chat_template = template
    fast.save_pretrained(folder)


def make_llama(
    folder: Path, texts: Sequence[str] = (), hidden: int = 32, layers: int = 2, pieces: int = 300, seed: int = 0, **config: object
) -> Path:
    """Write a base. RETURNS (Path): Its folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    make_tokenizer(folder, texts, pieces)
    torch.manual_seed(seed)
    shape = LlamaConfig(
        vocab_size=pieces,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        initializer_range=0.1,
        **config,
    )
    LlamaForCausalLM(shape).save_pretrained(folder)
    return folder
