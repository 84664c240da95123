"""A causal language model with its tokenizer and its adapters: learns answers, writes answers."""

from dataclasses import dataclass, field
from typing import Any, Optional, Sequence

import torch
from transformers import PreTrainedTokenizerFast

from ...constraints.grammar import Edge, find_path
from ...constraints.guide import Answer, FreeGuide, GrammarGuide, Guide
from ...formats.base import Request
from ..pretrained.adapters import base_of, for_use
from ..pretrained.chat_tokenizer import ChatTokenizer, Prompt
from .capabilities import try_capabilities
from .decoder import Decoder
from .training_loss import Decision, TrainingExample, negative_log_likelihood


@dataclass
class Generator:
    """A loaded model.

    model (Any): A causal language model of transformers, or a `PeftModel` around it.
    chat (ChatTokenizer): Its tokenizer.
    dtype (torch.dtype): The type that it computes in. Weights that are trained as a whole are kept in fp32 and cast.
    batch_pieces (int): Most pieces of prompts and answers that are read at a time; see `Decoder`.
    learn_prompts (float): Weight of the loss on the texts of prompts, beside that on their answers.
    """

    model: Any
    chat: ChatTokenizer
    dtype: torch.dtype
    batch_pieces: int = 8192
    learn_prompts: float = 0.0
    _decoder: Optional[Decoder] = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.capabilities = try_capabilities(base_of(self.model))

    @property
    def tokenizer(self) -> PreTrainedTokenizerFast:
        return self.chat.tokenizer

    def changed(self) -> None:
        """Forget what was computed with weights that have changed."""
        self._decoder = None

    @property
    def decoder(self) -> Decoder:
        """Decodes with the weights of now."""
        if self._decoder is None:
            self._decoder = Decoder(for_use(self.model, self.dtype).eval(), self.batch_pieces, capabilities=self.capabilities)
        self._decoder.model.eval()
        return self._decoder

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        """Write the answers, greedily. What is asked more than once is answered once."""
        prompts = [self.chat.prompt(request.messages) for request in requests]
        self._check_lengths(prompts)
        keys = [(prompt, request.grammar, request.constrained) for prompt, request in zip(prompts, requests)]
        asked = dict(zip(keys, requests))
        guides = {key: self._guide(request) for key, request in asked.items()}
        self.decoder.decode(
            [prompt for prompt, *_ in asked], list(guides.values()), [request.draft for request in asked.values()]
        )
        answers = {key: guide.answer() for key, guide in guides.items()}
        return [answers[key] for key in keys]

    def _check_lengths(self, prompts: Sequence[Prompt]) -> None:
        """RAISES (ValueError): If a prompt is longer than the model can read."""
        most = getattr(self.model.config, "max_position_embeddings", None)
        longest = max((len(prompt.prefix) + len(prompt.suffix) for prompt in prompts), default=0)
        if most is not None and longest >= most:
            raise ValueError(
                f"Got a prompt of {longest} tokens of the base's tokenizer, but the base reads {most} at most, its answer "
                "included. Set a smaller `window`, or fewer labels."
            )

    def _guide(self, request: Request) -> Guide:
        if request.constrained:
            return GrammarGuide(request.grammar, self.chat.encode, self.chat.end)
        # An answer that copies its whole text with marks is about twice as long; a model that repeats itself is cut off.
        limit = 64 + 3 * len(self.chat.encode_plain(request.messages[-1]["content"]))
        return FreeGuide(self.chat.decode, self.chat.end, limit)

    # Training

    def nll(self, requests: Sequence[Request]) -> torch.Tensor:
        """Negative log-likelihood of the right answers; the prompt is read, and learned as far as `learn_prompts` says.

        requests (Sequence[Request]): With targets.
        RETURNS (torch.Tensor): Sum over the decisions of each answer, in nats. Shape: (requests,).
        """
        self.model.train()
        examples = [self.training_example(request) for request in requests]
        return negative_log_likelihood(self.model, self.dtype, self.capabilities, examples)

    def training_example(self, request: Request) -> TrainingExample:
        """Encode a prompt with its right answer, and list what is learned of them."""
        prefix, suffix = self.chat.prompt(request.messages)
        start = len(prefix) + len(suffix)
        answer, decisions = self.decisions(request)
        decisions = [decision._replace(place=start + decision.place) for decision in decisions]
        if self.learn_prompts:
            decisions += [Decision(place, piece, None, self.learn_prompts) for place, piece in enumerate(suffix, len(prefix))]
        return TrainingExample([*prefix, *suffix, *answer], decisions, len(prefix))

    def decisions(self, request: Request) -> tuple[list[int], list[Decision]]:
        """List what has to be decided to write the right answer.

        A constrained answer is learned as it is decoded: pieces without an alternative are not learned, and each decision is one
        among the allowed pieces only. A free answer is learned piece by piece, among all pieces.

        RETURNS (tuple[list[int], list[Decision]]): Piece ids of the answer, and its decisions, with their places in the answer.
        """
        if not request.constrained:
            answer = self.target_pieces(request)
            return answer, [Decision(place, piece, None) for place, piece in enumerate(answer)]
        guide, decisions, written = self._guide(request), list[Decision](), list[int]()
        chosen = [piece for edge in self._target_path(request) for piece in self.chat.encode(edge.chosen)]
        for piece in [*chosen, self.chat.end]:
            allowed = guide.allowed()
            if allowed is not None and len(allowed) > 1:
                decisions.append(Decision(len(written), piece, allowed))
            if guide.step(piece, 0.0):
                written.append(piece)
        return written, decisions

    def target_pieces(self, request: Request) -> list[int]:
        """Piece ids of the right answer, cut as the constraint cuts it."""
        return [piece for edge in self._target_path(request) for piece in self.chat.encode(edge.text)] + [self.chat.end]

    def _target_path(self, request: Request) -> list[Edge]:
        """Find the edges that write the right answer.

        RAISES (ValueError): If the constraint cannot write it.
        """
        path = None if request.target is None else find_path(request.grammar, request.target)
        if path is None:
            raise ValueError(f"Got the target {request.target!r}, which the constraint of its format cannot write.")
        return path
