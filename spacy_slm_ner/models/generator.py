"""A causal language model with its tokenizer and its adapters: learns answers, writes answers."""

from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Optional, Sequence

import torch
from torch.nn import functional

from ..decoding.grammar import find_path
from ..decoding.walker import Answer, FreeWalker, GrammarWalker, Walker
from ..formats.base import Request
from .chat import ChatTokenizer
from .decoder import Decoder

IGNORED = -100


@dataclass
class Generator:
    """A loaded model.

    model (Any): A causal language model of transformers, or a `PeftModel` around it.
    chat (ChatTokenizer): Its tokenizer.
    dtype (torch.dtype): The type that it computes in. Weights that are trained as a whole are kept in fp32 and cast.
    batch_pieces (int): Most pieces of prompts that are read at a time.
    """

    model: Any
    chat: ChatTokenizer
    dtype: torch.dtype
    batch_pieces: int = 8192
    _decoder: Optional[Decoder] = field(default=None, repr=False)

    def changed(self) -> None:
        """Forget what was computed with weights that have changed."""
        self._decoder = None

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        """Write the answers, greedily."""
        walkers = [self._walker(request) for request in requests]
        self.model.eval()
        if self._decoder is None:
            self._decoder = Decoder(self._inference_model(), self.batch_pieces)
        self._decoder.decode([self.chat.prompt(request.messages) for request in requests], walkers)
        return [walker.answer() for walker in walkers]

    def _inference_model(self) -> Any:
        """The model itself, or a copy in the type that it computes in."""
        stored = next(self.model.parameters()).dtype
        return self.model if stored == self.dtype else deepcopy(self.model).to(self.dtype).eval()

    def _walker(self, request: Request) -> Walker:
        if request.constrained:
            return GrammarWalker(request.grammar, self.chat.encode, self.chat.end)
        # An answer that copies its whole text with marks is about twice as long; a model that repeats itself is cut off.
        limit = 64 + 3 * len(self.chat.encode_plain(request.messages[-1]["content"]))
        return FreeWalker(self.chat.decode, self.chat.end, limit)

    def target_pieces(self, request: Request) -> list[int]:
        """Piece ids of the right answer, cut as the constraint cuts it.

        RAISES (ValueError): If the constraint cannot write it.
        """
        path = None if request.target is None else find_path(request.grammar, request.target)
        if path is None:
            raise ValueError(f"Got the target {request.target!r}, which the constraint of its format cannot write.")
        return [piece for edge in path for piece in self.chat.encode(edge.text)] + [self.chat.end]

    def nll(self, requests: Sequence[Request]) -> torch.Tensor:
        """Negative log-likelihood of the right answers, as far as the model's gradient.

        requests (Sequence[Request]): With targets. The prompt is read, but not learned.
        RETURNS (torch.Tensor): Sum over the pieces of each answer, in nats. Shape: (requests,).
        """
        self.model.train()
        prompts = [[piece for part in self.chat.prompt(request.messages) for piece in part] for request in requests]
        answers = [self.target_pieces(request) for request in requests]
        width = max(len(prompt) + len(answer) for prompt, answer in zip(prompts, answers))
        ids = torch.zeros(len(requests), width, dtype=torch.long)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, IGNORED)
        for i, (prompt, answer) in enumerate(zip(prompts, answers)):
            end = len(prompt) + len(answer)
            ids[i, :end] = torch.tensor(prompt + answer)
            mask[i, :end] = 1
            labels[i, len(prompt) : end] = torch.tensor(answer)
        # The first answer begins behind the shortest prompt; nothing before it needs logits.
        first = min(map(len, prompts)) - 1
        device = self.model.device
        with self._autocast():
            output = self.model(
                input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False, logits_to_keep=width - first
            )
        logits = output.logits[:, :-1].float()
        losses = functional.cross_entropy(
            logits.transpose(1, 2), labels[:, first + 1 :].to(device), ignore_index=IGNORED, reduction="none"
        )
        return losses.sum(dim=1)

    def _autocast(self) -> AbstractContextManager[Any]:
        stored = next(self.model.parameters()).dtype
        return torch.autocast(self.model.device.type, torch.bfloat16, enabled=stored != self.dtype)
