"""A new base that can copy before it has learned anything.

To write an entity is to copy a word. A model from nothing learns that late, because two attention heads of different layers must
work together for it, as an induction circuit (Elhage et al. 2021; Olsson et al. 2022). Its mechanism is known, so it is written
into the first weights, and training begins behind that.

A quarter of the dimensions keeps what a piece means, a quarter gets a random code that tells it from all others. Layer 0 looks
one and two pieces back, and writes the codes that it finds there into a quarter each. Layer 1 looks for a place behind the piece
that stands here now, or behind the piece before it and one other (a space in the text, a label in the answer), and writes what
stands there, which then is the likeliest next piece.
"""

from dataclasses import dataclass
from typing import Any

import torch

# Norm of an embedding, of a code that layer 0 brings from before, and of what each head of layer 1 copies.
PIECE, BEFORE, COPY = 0.4, 0.3, 0.8
# Parts of an embedding that are the same for all pieces, that mean something, and that are its code; their squares add up to 1.
CONSTANT, MEANING, CODE = 0.5, 0.5, 0.7071
# By how much a head prefers the right distance to its neighbours, and the right code to none, before softmax.
PLACE, MATCH = 10.0, 30.0
# What stays of all other first weights that write to the residual stream, and how sharp the first predictions are.
QUIET, SHARP = 0.1, 3.0
# Pairs of dimensions that rotary embeddings turn by less than this angle a piece find a like code at any distance.
SLOW = 0.003


@dataclass(frozen=True)
class Rooms:
    """Which dimensions hold what.

    width (int): Of the model.
    head (int): Of an attention head.
    """

    width: int
    head: int

    @property
    def size(self) -> int:
        """Of a code."""
        return min(self.head, self.width // 4)

    @property
    def meaning(self) -> slice:
        return slice(1, min(self.head, self.width // 4 - 1) + 1)

    @property
    def code(self) -> slice:
        return self.quarter(1)

    def before(self, distance: int) -> slice:
        """The code of what stands one or two pieces back."""
        return self.quarter(1 + distance)

    def quarter(self, number: int) -> slice:
        return slice(number * self.width // 4, number * self.width // 4 + self.size)


@torch.no_grad()
def write_induction_circuit(model: Any) -> None:
    """Write an induction circuit into a new model.

    model (Any): A `LlamaForCausalLM` with at least two layers and four heads, two sharing keys and values, and tied embeddings.
    """
    config = model.config
    rooms = Rooms(config.hidden_size, config.hidden_size // config.num_attention_heads)
    speed = config.rope_theta ** (-torch.arange(rooms.head // 2) / (rooms.head // 2))
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight *= QUIET
        layer.mlp.down_proj.weight *= QUIET
    model.model.norm.weight.fill_(SHARP)
    embeddings = model.get_input_embeddings().weight
    meaning = embeddings[:, : rooms.meaning.stop - 1].clone()
    embeddings.zero_()
    embeddings[:, 0] = PIECE * CONSTANT  # for heads that look for a place, whatever stands there
    embeddings[:, rooms.meaning] = PIECE * MEANING * torch.nn.functional.normalize(meaning)
    embeddings[:, rooms.code] = PIECE * CODE * torch.nn.functional.normalize(torch.randn(len(embeddings), rooms.size))
    look_back(model.model.layers[0].self_attn, rooms, speed)
    copy_match(model.model.layers[1].self_attn, rooms, speed)


def look_back(attention: Any, rooms: Rooms, speed: torch.Tensor) -> None:
    """Heads 0 and 1 look one and two pieces back.

    Rotary embeddings turn a query and a key against each other by their distance, so a query that is turned by a distance in
    advance meets the key at that distance.

    speed (torch.Tensor): Angles by which pairs of dimensions are turned from piece to piece. Shape: (head / 2,).
    """
    gap = float((1 - torch.cos(speed)).sum()) / rooms.head**0.5
    strength = (PLACE / gap) ** 0.5 / (CONSTANT * rooms.width**0.5)
    group = slice(0, rooms.head)
    for weight in (attention.k_proj.weight, attention.v_proj.weight):
        weight[group] = 0
    attention.k_proj.weight[: rooms.head // 2, 0] = strength
    attention.v_proj.weight[: rooms.size, rooms.code] = torch.eye(rooms.size)
    for number, distance in enumerate((1, 2)):
        rows = slice(number * rooms.head, (number + 1) * rooms.head)
        attention.q_proj.weight[rows] = 0
        turned = torch.cat([torch.cos(distance * speed), -torch.sin(distance * speed)])
        attention.q_proj.weight[rows, 0] = turned * strength
        write(attention, rows.start, rooms.before(distance), BEFORE / (CODE * rooms.width**0.5))


def copy_match(attention: Any, rooms: Rooms, speed: torch.Tensor) -> None:
    """The first head of each of two groups: finds the code of the piece here one before there, or that of the piece before two
    before there; copies the meaning, or the code."""
    slow = (speed < SLOW).nonzero().flatten()
    places = torch.cat([slow, slow + rooms.head // 2])[: rooms.size]
    total = (PIECE**2 + 2 * BEFORE**2) ** 0.5
    norm = {"code": CODE * PIECE, "before": BEFORE, "meaning": MEANING * PIECE}
    norm = {name: part * rooms.width**0.5 / total for name, part in norm.items()}
    part = (len(places) / rooms.size) ** 0.5
    heads = attention.q_proj.weight.shape[0] // attention.k_proj.weight.shape[0]
    pick = torch.eye(rooms.size)[: len(places)]
    for group, (query, source, copied) in enumerate((("code", rooms.code, "meaning"), ("before", rooms.before(1), "code"))):
        keys, rows = (slice(group * n * rooms.head, (group * n + 1) * rooms.head) for n in (1, heads))
        scale = (MATCH * rooms.head**0.5 / (norm[query] * norm["before"] * part**2)) ** 0.5
        for weight, at in ((attention.q_proj.weight, rows), (attention.k_proj.weight, keys), (attention.v_proj.weight, keys)):
            weight[at] = 0
        attention.q_proj.weight[rows.start + places, source] = pick * scale
        attention.k_proj.weight[keys.start + places, rooms.before(group + 1)] = pick * scale
        target = rooms.meaning if copied == "meaning" else rooms.code
        size = target.stop - target.start
        attention.v_proj.weight[keys.start : keys.start + size, target] = torch.eye(size)
        write(attention, rows.start, target, COPY / norm[copied])


def write(attention: Any, start: int, target: slice, scale: float) -> None:
    """Let a head write what it has read to other dimensions.

    start (int): First row of the head.
    target (slice): The dimensions.
    """
    size = target.stop - target.start
    head = attention.o_proj.weight.shape[1] // attention.config.num_attention_heads
    attention.o_proj.weight[:, start : start + head] = 0
    attention.o_proj.weight[target, start : start + size] = torch.eye(size) * scale
