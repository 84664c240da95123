"""Word vectors of an encoder as the first embeddings of a new base."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..errors import BaseModelError
from ..models.pretrained.hub import find_base

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# Standard deviation of the weights of a new Llama, and which part of it stays random, to tell `May` and `may` apart.
SCALE = 0.02
NOISE = 0.25


def embeddings_from_encoder(encoder: Path, tokenizer: "PreTrainedTokenizerFast", width: int) -> torch.Tensor:
    """Embed the pieces of a tokenizer as another model embeds them.

    A piece that the other model cuts into several gets their mean. The vectors are brought to the new width by their principal
    components; a piece that the other model does not know gets a random vector.

    encoder (Path): Folder of a pretrained model with its tokenizer.
    tokenizer (PreTrainedTokenizerFast): Of the new base.
    width (int): Size of its embeddings.
    RETURNS (torch.Tensor): Shape: (pieces, width).
    RAISES (BaseModelError): If the folder cannot be loaded, or its embeddings are narrower.
    """
    from transformers import AutoModel, AutoTokenizer

    find_base(str(encoder))
    try:
        theirs = AutoTokenizer.from_pretrained(encoder)
        vectors = AutoModel.from_pretrained(encoder, torch_dtype=torch.float32).get_input_embeddings().weight.detach()
    except (OSError, ValueError) as error:
        raise BaseModelError(
            f"Cannot read word vectors from {encoder}: {error} Name the folder of a pretrained model."
        ) from error
    if vectors.shape[1] < width:
        raise BaseModelError(
            f"{encoder} embeds in {vectors.shape[1]} dimensions. Allowed is a width of at most that, got {width}."
        )
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(len(tokenizer), width, generator=generator) * SCALE
    known, found = [], []
    for piece in range(len(tokenizer)):
        ids = theirs(tokenizer.decode([piece]), add_special_tokens=False).input_ids
        if piece not in tokenizer.all_special_ids and ids and theirs.unk_token_id not in ids:
            known.append(piece)
            found.append(vectors[ids].mean(dim=0))
    stacked = torch.stack(found)
    centred = stacked - stacked.mean(dim=0)
    _, components = torch.linalg.eigh(centred.T @ centred)  # in ascending order
    reduced = centred @ components[:, -width:].flip(1)
    rows = torch.tensor(known)
    embeddings[rows] = NOISE * embeddings[rows] + SCALE * reduced / reduced.std()
    return embeddings
