"""The texts of a training batch in one row: without padding, and what they share is read once.

Texts under one task begin with the same prompt. It stands in the row once, and the pieces of each text attend to it and to their
own. All is one graph, so the gradient of what is shared is the sum over the texts: nothing is approximated.
"""

from typing import NamedTuple, Optional, Sequence

import torch
from torch.nn import functional

# Products of queries and keys from which on the matrix of a part is too large to be held for the backward pass.
LARGE = 1024 * 1024


class Part(NamedTuple):
    """Neighbouring pieces of the row that belong together.

    start (int): Its first place.
    size (int): Number of its pieces.
    prefix (Optional[int]): Number of the part that it continues; None if it begins a text.
    """

    start: int
    size: int
    prefix: Optional[int]


class PackedTexts:
    """Texts in a row.

    sequences (Sequence[Sequence[int]]): Piece ids of each text.
    shared (Sequence[int]): Number of its first pieces that are its prompt's.
    """

    def __init__(self, sequences: Sequence[Sequence[int]], shared: Sequence[int]) -> None:
        self.pieces: list[int] = []
        self.positions: list[int] = []
        self.parts: list[Part] = []
        # The part that each text ends with.
        self.last: list[int] = []
        # By what they depend on: those of parts, and those of the whole row.
        self._masks: dict[tuple[Optional[int], ...], torch.Tensor] = {}
        prompts: dict[tuple[int, ...], int] = {}
        for sequence, count in zip(sequences, shared):
            prompt = tuple(sequence[:count])
            if prompt not in prompts:
                prompts[prompt] = self._add(prompt, None)
            self.last.append(self._add(sequence[count:], prompts[prompt]))

    def _add(self, pieces: Sequence[int], prefix: Optional[int]) -> int:
        before = 0 if prefix is None else self.parts[prefix].size
        self.parts.append(Part(len(self.pieces), len(pieces), prefix))
        self.pieces += pieces
        self.positions += range(before, before + len(pieces))
        return len(self.parts) - 1

    def fill(self, size: int) -> None:
        """Lengthen the row to a size by pieces that belong to no text."""
        if size > len(self.pieces):
            self._add([0] * (size - len(self.pieces)), None)

    def place(self, text: int, column: int) -> int:
        """Return the place in the row of a piece of a text."""
        part = self.parts[self.last[text]]
        prompt = self.parts[part.prefix or 0]
        return prompt.start + column if column < prompt.size else part.start + column - prompt.size

    def attend(
        self,
        layer: int,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        scaling: Optional[float],
        window: Optional[int],
    ) -> torch.Tensor:
        """Attention of one layer. Shapes: (1, heads, pieces, head size) -> (1, pieces, heads, head size)."""
        if query.device.type == "cpu":
            # Products of bf16 would be compiled for each size, and these are few.
            found = self._by_parts(query[0].float(), key[0].float(), value[0].float(), scaling, window).to(query.dtype)
        else:
            found = self._as_whole(query, key, value, scaling, window)[0]
        return found.transpose(0, 1)[None]

    def _by_parts(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: Optional[float], window: Optional[int]
    ) -> torch.Tensor:
        """Attend with each part alone. Shape of all: (heads, pieces, head size)."""
        sizes = [part.size for part in self.parts]
        # Heads that share their keys stand behind each other, as if they were more queries of one head.
        queries = query.unflatten(0, (len(key), -1)).split(sizes, dim=2)
        keys, values = key.split(sizes, dim=1), value.split(sizes, dim=1)
        found = []
        for number, (_, size, prefix) in enumerate(self.parts):
            seen, told = keys[number], values[number]
            if prefix is not None:
                seen, told = torch.cat([keys[prefix], seen], dim=1), torch.cat([values[prefix], told], dim=1)
            asked = queries[number]
            mask = self._mask(size, seen.shape[1], window, asked.shape[1], query.device)
            found.append(attend_all(asked.flatten(1, 2), seen, told, mask, scaling).unflatten(1, (-1, size)))
        return torch.cat(found, dim=2).flatten(0, 1)

    def _as_whole(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: Optional[float], window: Optional[int]
    ) -> torch.Tensor:
        """Attend with the whole row in one call: more to compute, and less to start. Shape: (1, heads, pieces, head size)."""
        shared = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(shared, dim=1), value.repeat_interleave(shared, dim=1)
        if (window,) not in self._masks:
            self._masks[window,] = self._whole_mask(query.device, window)
        mask = self._masks[window,]
        return functional.scaled_dot_product_attention(query, key, value, mask, scale=scaling)

    def _mask(self, queries: int, keys: int, window: Optional[int], copies: int, device: torch.device) -> torch.Tensor:
        """Make the mask of the last pieces of a text: 0 where one sees, or else minus infinity.

        window (Optional[int]): How many pieces one sees; None for all before it.
        copies (int): How often the queries stand behind each other.
        RETURNS (torch.Tensor): Shape: (copies * queries, keys).
        """
        size = (queries, keys, window, copies)
        if size not in self._masks:
            places = torch.arange(keys, device=device)
            distance = places[keys - queries :, None] - places
            unseen = distance < 0 if window is None else (distance < 0) | (distance >= window)
            mask = torch.zeros(unseen.shape, device=device).masked_fill_(unseen, -torch.inf)
            self._masks[size] = mask.repeat(copies, 1)
        return self._masks[size]

    def _whole_mask(self, device: torch.device, window: Optional[int]) -> torch.Tensor:
        """Make the mask of the whole row: true where one piece sees another. Shape: (pieces, pieces)."""
        owners, prefixes = torch.tensor(
            [
                (number, number if part.prefix is None else part.prefix)
                for number, part in enumerate(self.parts)
                for _ in range(part.size)
            ],
            device=device,
        ).T
        positions = torch.tensor(self.positions, device=device)
        distance = positions[:, None] - positions
        seen = ((owners[:, None] == owners) | (prefixes[:, None] == owners)) & (distance >= 0)
        return seen if window is None else seen & (distance < window)


def attend_all(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, scaling: Optional[float]
) -> torch.Tensor:
    """Attend with a mask, in the way whose gradient is the faster one: on a processor, for short texts, that is the plain one.

    Shapes: (heads, queries, head size), (heads, keys, head size) for keys and values, (queries, keys).
    """
    if mask.numel() > LARGE:
        return functional.scaled_dot_product_attention(query[None], key[None], value[None], mask, scale=scaling)[0]
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return torch.baddbmm(mask, query, key.transpose(1, 2), alpha=scale).softmax(dim=-1) @ value
