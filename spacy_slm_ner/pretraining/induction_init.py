"""First weights of a new base, with an induction circuit that can copy before any training.

Writing an entity means copying a word. A model that is trained from scratch learns that late, because two attention heads of
different layers must work together as an induction circuit (Elhage et al. 2021; Olsson et al. 2022). Its mechanism is known, so
it is written into the first weights, and training starts from there.

A quarter of the dimensions of the residual stream holds the meaning of a piece, and a quarter holds its code: a random vector
that distinguishes it from all other pieces. The two previous-token heads of layer 0 copy the codes of the pieces one and two back
into a quarter each. One induction head of layer 1 looks for the position after an earlier occurrence of the current piece.
The other looks for the position two after an earlier occurrence of the previous piece, whatever stands in between: a space in the
text, a label in the answer. They copy the piece at that position, which is then the likeliest next one.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from ..models.pretrained.base_files import readable_by_all

# Norms of an embedding, of a code that a previous-token head copies, and of the output of an induction head.
EMBEDDING_NORM, PREVIOUS_CODE_NORM, COPY_NORM = 0.4, 0.3, 0.8
# Norms of the parts of an embedding of norm 1: the same constant for all pieces, the meaning, the code.
CONSTANT, MEANING, CODE = 0.5, 0.5, 0.7071
# Margins of attention scores before softmax: of the right distance over its neighbours, and of an equal code over others.
DISTANCE_MARGIN, MATCH_MARGIN = 10.0, 30.0
# Factor of all other first weights that write to the residual stream; weight of the last norm, which sharpens predictions.
RESIDUAL_SCALE, LAST_NORM = 0.1, 3.0
# Rotary embeddings rotate some pairs of dimensions by less than this angle a position, so that codes match at any distance.
SLOW_ANGLE = 0.003


@dataclass(frozen=True)
class Subspaces:
    """Dimensions of the residual stream by their content.

    width (int): Hidden size of the model.
    head_size (int): Size of an attention head.
    """

    width: int
    head_size: int

    @property
    def code_size(self) -> int:
        return min(self.head_size, self.width // 4)

    @property
    def meaning(self) -> slice:
        """Meaning of the current piece, after dimension 0 with the constant."""
        return slice(1, min(self.head_size, self.width // 4 - 1) + 1)

    @property
    def code(self) -> slice:
        """Code of the current piece."""
        return self._code_in_quarter(1)

    def previous_code(self, distance: int) -> slice:
        """Code of the piece one or two positions back."""
        return self._code_in_quarter(1 + distance)

    def _code_in_quarter(self, number: int) -> slice:
        return slice(number * self.width // 4, number * self.width // 4 + self.code_size)


class Feature(NamedTuple):
    """Vector in a subspace of the residual stream.

    dims (slice): Dimensions of the subspace.
    norm (float): Norm of the vector at the input of the attention, after the normalisation of the residual stream.
    """

    dims: slice
    norm: float

    @property
    def size(self) -> int:
        size: int = self.dims.stop - self.dims.start
        return size


@torch.no_grad()
def write_induction_circuit(model: Any) -> None:
    """Write an induction circuit into a new model.

    model (Any): A `LlamaForCausalLM` with at least two layers and four heads, two sharing keys and values, and tied embeddings.
    """
    config = model.config
    subspaces = Subspaces(config.hidden_size, config.hidden_size // config.num_attention_heads)
    pairs = subspaces.head_size // 2
    angles = readable_by_all(config.to_dict())["rope_theta"] ** (-torch.arange(pairs) / pairs)
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight *= RESIDUAL_SCALE
        layer.mlp.down_proj.weight *= RESIDUAL_SCALE
    model.model.norm.weight.fill_(LAST_NORM)
    write_embeddings(model.get_input_embeddings().weight, subspaces)
    write_previous_token_heads(model.model.layers[0].self_attn, subspaces, angles)
    write_induction_heads(model.model.layers[1].self_attn, subspaces, angles)


def write_embeddings(embeddings: torch.Tensor, subspaces: Subspaces) -> None:
    """Split embeddings into a constant, a meaning and a random code.

    embeddings (torch.Tensor): Embeddings, whose first dimensions become the meaning. Shape: (pieces, width).
    subspaces (Subspaces): Subspaces of the residual stream.
    """
    meaning = embeddings[:, : subspaces.meaning.stop - 1].clone()
    code = torch.randn(len(embeddings), subspaces.code_size)
    embeddings.zero_()
    embeddings[:, 0] = EMBEDDING_NORM * CONSTANT  # for heads that attend by distance, whatever the piece is
    embeddings[:, subspaces.meaning] = EMBEDDING_NORM * MEANING * torch.nn.functional.normalize(meaning)
    embeddings[:, subspaces.code] = EMBEDDING_NORM * CODE * torch.nn.functional.normalize(code)


def write_previous_token_heads(attention: Any, subspaces: Subspaces, angles: torch.Tensor) -> None:
    """Make heads 0 and 1, which share keys and values, attend to the positions one and two back and copy the codes there.

    attention (Any): Attention of layer 0.
    subspaces (Subspaces): Subspaces of the residual stream.
    angles (torch.Tensor): Rotary angles from one position to the next. Shape: (head_size / 2,).
    """
    margin = float((1 - torch.cos(angles)).sum()) / subspaces.head_size**0.5
    scale = (DISTANCE_MARGIN / margin) ** 0.5 / (CONSTANT * subspaces.width**0.5)
    clear_key_value_group(attention, 0, subspaces.head_size)
    attention.k_proj.weight[: subspaces.head_size // 2, 0] = scale
    attention.v_proj.weight[: subspaces.code_size, subspaces.code] = torch.eye(subspaces.code_size)
    for head, distance in ((0, 1), (1, 2)):
        write_previous_token_head(attention, head, distance, subspaces=subspaces, angles=angles, scale=scale)


def write_previous_token_head(
    attention: Any, head: int, distance: int, *, subspaces: Subspaces, angles: torch.Tensor, scale: float
) -> None:
    """Make a head attend to the position at a distance.

    Rotary embeddings rotate a query and a key against each other by their distance, so a query that is rotated by a distance in
    advance matches the key at that distance.

    attention (Any): Attention of layer 0.
    head (int): Number of the head.
    distance (int): How many positions back it attends.
    subspaces (Subspaces): Subspaces of the residual stream.
    angles (torch.Tensor): Rotary angles from one position to the next. Shape: (head_size / 2,).
    scale (float): Weight of the constant in queries and keys.
    """
    rotated = torch.cat([torch.cos(distance * angles), -torch.sin(distance * angles)])
    rows = head_rows(head, subspaces.head_size)
    attention.q_proj.weight[rows] = 0
    attention.q_proj.weight[rows, 0] = rotated * scale
    output_scale = PREVIOUS_CODE_NORM / (CODE * subspaces.width**0.5)
    write_output(attention, head, subspaces.head_size, subspaces.previous_code(distance), output_scale)


def write_induction_heads(attention: Any, subspaces: Subspaces, angles: torch.Tensor) -> None:
    """Make the first heads of two key-value groups induction heads.

    The first attends to a position after an earlier occurrence of the current piece, and copies the meaning there. The second
    attends to a position two after an earlier occurrence of the previous piece, and copies the code there.

    attention (Any): Attention of layer 1.
    subspaces (Subspaces): Subspaces of the residual stream.
    angles (torch.Tensor): Rotary angles from one position to the next. Shape: (head_size / 2,).
    """
    total = (EMBEDDING_NORM**2 + 2 * PREVIOUS_CODE_NORM**2) ** 0.5

    def feature(dims: slice, norm: float) -> Feature:
        return Feature(dims, norm * subspaces.width**0.5 / total)

    meaning = feature(subspaces.meaning, MEANING * EMBEDDING_NORM)
    code = feature(subspaces.code, CODE * EMBEDDING_NORM)
    previous_code = feature(subspaces.previous_code(1), PREVIOUS_CODE_NORM)
    second_last_code = feature(subspaces.previous_code(2), PREVIOUS_CODE_NORM)
    size = subspaces.head_size
    write_matching_head(attention, 0, size, angles, query=code, key=previous_code, copied=meaning)
    write_matching_head(attention, 1, size, angles, query=previous_code, key=second_last_code, copied=code)


def write_matching_head(
    attention: Any, group: int, head_size: int, angles: torch.Tensor, *, query: Feature, key: Feature, copied: Feature
) -> None:
    """Make the first head of a key-value group attend where one feature equals another, and copy a third from there.

    Codes are compared in the dimensions that rotary embeddings hardly rotate, so the distance does not matter.

    attention (Any): The attention.
    group (int): Number of the group of heads that share keys and values.
    head_size (int): Size of a head.
    angles (torch.Tensor): Rotary angles from one position to the next. Shape: (head_size / 2,).
    query (Feature): Code at the current position.
    key (Feature): Code that must be the same at the earlier position.
    copied (Feature): Feature of the earlier position to copy.
    """
    slow = (angles < SLOW_ANGLE).nonzero().flatten()
    head_dims = torch.cat([slow, slow + head_size // 2])[: query.size]
    compared = (len(head_dims) / query.size) ** 0.5  # part of the norm of a code
    scale = (MATCH_MARGIN * head_size**0.5 / (query.norm * key.norm * compared**2)) ** 0.5
    projection = torch.eye(query.size)[: len(head_dims)] * scale
    head = group * attention.q_proj.weight.shape[0] // attention.k_proj.weight.shape[0]
    query_rows, key_rows = head_rows(head, head_size), head_rows(group, head_size)
    clear_key_value_group(attention, group, head_size)
    attention.q_proj.weight[query_rows] = 0
    attention.q_proj.weight[query_rows.start + head_dims, query.dims] = projection
    attention.k_proj.weight[key_rows.start + head_dims, key.dims] = projection
    attention.v_proj.weight[key_rows.start : key_rows.start + copied.size, copied.dims] = torch.eye(copied.size)
    write_output(attention, head, head_size, copied.dims, COPY_NORM / copied.norm)


def write_output(attention: Any, head: int, head_size: int, dims: slice, scale: float) -> None:
    """Make a head write its output to a subspace.

    attention (Any): The attention.
    head (int): Number of the head.
    head_size (int): Size of a head.
    dims (slice): Dimensions of the subspace.
    scale (float): Factor from values to the residual stream.
    """
    size = dims.stop - dims.start
    rows = head_rows(head, head_size)
    attention.o_proj.weight[:, rows] = 0
    attention.o_proj.weight[dims, rows.start : rows.start + size] = torch.eye(size) * scale


def clear_key_value_group(attention: Any, group: int, head_size: int) -> None:
    for projection in (attention.k_proj, attention.v_proj):
        projection.weight[head_rows(group, head_size)] = 0


def head_rows(number: int, head_size: int) -> slice:
    """Return the rows of a head in a projection."""
    return slice(number * head_size, (number + 1) * head_size)
