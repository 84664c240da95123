"""A real pretrained Llama of 260,000 parameters, from the files of llama2.c to those of the hub."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast


def convert(source: Path, target: Path) -> Path:
    """Write a base. RETURNS: Its folder."""
    read_model(source / "stories260K.bin").save_pretrained(target)
    read_tokenizer(source / "tok512.bin").save_pretrained(target)
    return target


def read_model(path: Path) -> LlamaForCausalLM:
    """A checkpoint of version 0: seven numbers, then the weights, those of one kind for all layers together."""
    dim, hidden, layers, heads, kv_heads, vocab, length = struct.unpack("7i", path.read_bytes()[:28])
    assert vocab > 0, "the output shares the embeddings"
    values = np.fromfile(path, dtype=np.float32, offset=28)
    position = 0

    def take(*shape: int) -> torch.Tensor:
        nonlocal position
        start, position = position, position + int(np.prod(shape))
        return torch.from_numpy(values[start:position].reshape(shape).copy())

    kv = dim // heads * kv_heads
    kinds = {
        "input_layernorm": (dim,),
        "self_attn.q_proj": (dim, dim),
        "self_attn.k_proj": (kv, dim),
        "self_attn.v_proj": (kv, dim),
        "self_attn.o_proj": (dim, dim),
        "post_attention_layernorm": (dim,),
        "mlp.gate_proj": (hidden, dim),
        "mlp.down_proj": (dim, hidden),
        "mlp.up_proj": (hidden, dim),
    }
    state = {"model.embed_tokens.weight": take(vocab, dim)}
    for kind, shape in kinds.items():
        for layer, weight in enumerate(take(layers, *shape)):
            state[f"model.layers.{layer}.{kind}.weight"] = weight
    state["model.norm.weight"] = take(dim)
    assert position + length * dim // heads == len(values), "the rest are the cosines and sines of the positions"
    for name, weight in state.items():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            state[name] = halves(weight, heads if "q_proj" in name else kv_heads)
    config = LlamaConfig(
        vocab_size=vocab,
        hidden_size=dim,
        intermediate_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=length,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
    )
    model = LlamaForCausalLM(config)
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    model.load_state_dict(state)
    return model.eval()


def halves(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """llama2.c turns pairs of neighbours, transformers the two halves of a head."""
    rows, columns = weight.shape
    return weight.view(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def read_tokenizer(path: Path) -> PreTrainedTokenizerFast:
    """Pieces with scores, as SentencePiece's BPE: of two neighbours, those merge first whose piece has the highest score."""
    data = path.read_bytes()
    pieces: list[tuple[str, float]] = []
    position = 4
    while position < len(data):
        score, length = struct.unpack_from("fi", data, position)
        text = data[position + 8 : position + 8 + length].decode("utf8")
        pieces.append((text.replace(" ", "▁"), score))
        position += 8 + length
    pieces[:3] = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)]
    numbers = {piece: number for number, (piece, _) in enumerate(pieces)}
    merges = [
        (score, piece[:cut], piece[cut:])
        for piece, score in pieces[259:]
        for cut in range(1, len(piece))
        if piece[:cut] in numbers and piece[cut:] in numbers
    ]
    merges.sort(key=lambda merge: -merge[0])
    pairs = [(left, right) for _, left, right in merges]
    backend = Tokenizer(models.BPE(numbers, pairs, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    last: list[Any] = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    backend.decoder = decoders.Sequence(last)
    backend.add_special_tokens(["<unk>", "<s>", "</s>"])
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
