"""A small BERT with random weights and a WordPiece tokenizer of its own, as the hub would have it, with the head of a tagger."""

from pathlib import Path
from typing import Sequence

from tokenizers import BertWordPieceTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def make_bert(folder: Path, texts: Sequence[str], hidden: int = 32, layers: int = 2, pieces: int = 200, seed: int = 0) -> Path:
    """Write a base. RETURNS (Path): Its folder."""
    import torch
    from transformers import BertConfig, BertForTokenClassification, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = BertWordPieceTokenizer(lowercase=False)
    tokenizer.train_from_iterator(texts, vocab_size=pieces, min_frequency=1, special_tokens=SPECIAL, show_progress=False)
    tokenizer.save_model(str(folder))
    BertTokenizerFast.from_pretrained(folder, do_lower_case=False).save_pretrained(folder)
    torch.manual_seed(seed)
    shape = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=64,
        initializer_range=0.1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        num_labels=9,
    )
    BertForTokenClassification(shape).save_pretrained(folder)
    return folder
