"""First embeddings of a new base, from the word vectors of an encoder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..errors import BaseModelError
from ..models.pretrained.hub import find_base

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# Standard deviation of the weights of a new Llama, and the part of it that stays random to tell `May` from `may`.
SCALE = 0.02
NOISE = 0.25


def embeddings_from_encoder(encoder: Path, tokenizer: "PreTrainedTokenizerFast", width: int) -> torch.Tensor:
    """Embed the pieces of a tokenizer as an encoder embeds them.

    A piece that the encoder splits into several gets their mean. The vectors are reduced to the new width by their principal
    components; a piece that is unknown to the encoder gets a random vector.

    encoder (Path): Folder of a pretrained model with its tokenizer.
    tokenizer (PreTrainedTokenizerFast): Tokenizer of the new base.
    width (int): Size of its embeddings.
    RETURNS (torch.Tensor): Embeddings. Shape: (pieces, width).
    RAISES (BaseModelError): If the folder cannot be loaded, or its embeddings are narrower.
    """
    encoder_tokenizer, word_vectors = load_word_vectors(encoder)
    if word_vectors.shape[1] < width:
        raise BaseModelError(
            f"{encoder} embeds in {word_vectors.shape[1]} dimensions. Allowed is a width of at most that, got {width}."
        )
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(len(tokenizer), width, generator=generator) * SCALE
    known, vectors = [], []
    for piece in range(len(tokenizer)):
        ids = encoder_tokenizer(tokenizer.decode([piece]), add_special_tokens=False).input_ids
        if piece not in tokenizer.all_special_ids and ids and encoder_tokenizer.unk_token_id not in ids:
            known.append(piece)
            vectors.append(word_vectors[ids].mean(dim=0))
    reduced = reduce_width(torch.stack(vectors), width)
    rows = torch.tensor(known)
    embeddings[rows] = NOISE * embeddings[rows] + SCALE * reduced / reduced.std()
    return embeddings


def load_word_vectors(encoder: Path) -> tuple[Any, torch.Tensor]:
    """Load the tokenizer and the word vectors of a pretrained model.

    RAISES (BaseModelError): If the folder cannot be loaded.
    """
    from transformers import AutoModel, AutoTokenizer

    find_base(str(encoder))
    try:
        tokenizer = AutoTokenizer.from_pretrained(encoder)
        vectors = AutoModel.from_pretrained(encoder, torch_dtype=torch.float32).get_input_embeddings().weight.detach()
    except (OSError, ValueError) as error:
        raise BaseModelError(
            f"Cannot read word vectors from {encoder}: {error} Name the folder of a pretrained model."
        ) from error
    return tokenizer, vectors


def reduce_width(vectors: torch.Tensor, width: int) -> torch.Tensor:
    """Project vectors on their first principal components.

    vectors (torch.Tensor): Vectors. Shape: (vectors, any).
    width (int): Number of components.
    RETURNS (torch.Tensor): Coordinates, the largest component first. Shape: (vectors, width).
    """
    centred = vectors - vectors.mean(dim=0)
    _, components = torch.linalg.eigh(centred.T @ centred)  # in ascending order
    return centred @ components[:, -width:].flip(1)
