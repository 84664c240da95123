"""A causal language model with its tokenizer and its adapters: learns answers, writes answers."""

from dataclasses import dataclass, field
from typing import Any, Optional, Sequence

import torch
from transformers import PreTrainedTokenizerFast

from ...constraints.guide import Answer, FreeGuide, GrammarGuide, Guide
from ...formats.base import Request
from ..pretrained.adapters import base_of, for_use
from ..pretrained.chat_tokenizer import ChatTokenizer, Prompt
from .capabilities import try_capabilities
from .decoder import Decoder
from .training_examples import make_example
from .training_loss import negative_log_likelihood

# Number of pieces that a free answer may have besides the longest one that can be needed.
FREE_PIECES = 64


@dataclass
class Generator:
    """A loaded model.

    model (Any): A causal language model of transformers, or a `PeftModel` around it.
    chat (ChatTokenizer): Its tokenizer.
    dtype (torch.dtype): The type that it computes in. Weights that are trained as a whole are kept in fp32 and cast.
    batch_pieces (int): Most pieces of prompts and answers that are read at a time; see `Decoder`.
    learn_prompts (float): Weight of the loss on the texts of prompts, beside that on their answers.
    int8 (bool): Whether it is used with weights of eight bits.
    """

    model: Any
    chat: ChatTokenizer
    dtype: torch.dtype
    batch_pieces: int = 8192
    learn_prompts: float = 0.0
    int8: bool = False
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
            model = for_use(self.model, self.dtype, self.int8).eval()
            self._decoder = Decoder(model, self.batch_pieces, capabilities=self.capabilities)
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
        # A model that repeats itself is cut off. Where nothing else is known: a copy of a text with marks is about twice as long.
        longest = request.longest_answer or 3 * request.messages[-1]["content"]
        return FreeGuide(self.chat.decode, self.chat.end, FREE_PIECES + len(self.chat.encode_plain(longest)))

    # Training

    def nll(self, requests: Sequence[Request]) -> torch.Tensor:
        """Negative log-likelihood of the right answers; the prompt is read, and learned as far as `learn_prompts` says.

        requests (Sequence[Request]): With targets.
        RETURNS (torch.Tensor): Sum over the decisions of each answer, in nats. Shape: (requests,).
        """
        self.model.train()
        examples = [make_example(self.chat, request, self.learn_prompts) for request in requests]
        return negative_log_likelihood(self.model, self.dtype, self.capabilities, examples)
