"""A causal language model with its tokenizer and its adapters: learns answers, writes answers."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Iterator, NamedTuple, Optional, Sequence

import torch
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerFast

from ...constraints.grammar import find_path
from ...constraints.guide import Answer, FreeGuide, GrammarGuide, Guide
from ...formats.base import Request
from ..pretrained.adapters import for_use
from ..pretrained.chat_tokenizer import ChatTokenizer, Prompt
from .decoder import Decoder

# Pieces from which on the plain attention is not trained with.
LONG = 512


class Decision(NamedTuple):
    """A piece that had alternatives.

    place (int): Where in the answer.
    piece (int): The right one.
    allowed (Optional[Sequence[int]]): All that were allowed; None for every piece there is.
    weight (float): Of its loss.
    """

    place: int
    piece: int
    allowed: Optional[Sequence[int]]
    weight: float = 1.0


@dataclass
class Generator:
    """A loaded model.

    model (Any): A causal language model of transformers, or a `PeftModel` around it.
    chat (ChatTokenizer): Its tokenizer.
    dtype (torch.dtype): The type that it computes in. Weights that are trained as a whole are kept in fp32 and cast.
    batch_pieces (int): Most pieces of prompts that are read at a time.
    learn_prompts (float): Weight of the loss on the texts of prompts, beside that on their answers.
    """

    model: Any
    chat: ChatTokenizer
    dtype: torch.dtype
    batch_pieces: int = 8192
    learn_prompts: float = 0.0
    _decoder: Optional[Decoder] = field(default=None, repr=False)

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
            # Dropout and checkpointing would spoil what a decoder tries of its model.
            self._decoder = Decoder(for_use(self.model, self.dtype).eval(), self.batch_pieces)
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
        longest = max((len(prompt.head) + len(prompt.body) for prompt in prompts), default=0)
        if most is not None and longest >= most:
            raise ValueError(
                f"Got a prompt of {longest} pieces, but the base reads {most} at most, its answer included. Set a smaller "
                "`window`, or fewer labels."
            )

    def _guide(self, request: Request) -> Guide:
        if request.constrained:
            return GrammarGuide(request.grammar, self.chat.encode, self.chat.end)
        # An answer that copies its whole text with marks is about twice as long; a model that repeats itself is cut off.
        limit = 64 + 3 * len(self.chat.encode_plain(request.messages[-1]["content"]))
        return FreeGuide(self.chat.decode, self.chat.end, limit)

    def target_pieces(self, request: Request) -> list[int]:
        """Piece ids of the right answer, cut as the constraint cuts it.

        RAISES (ValueError): If the constraint cannot write it.
        """
        path = None if request.target is None else find_path(request.grammar, request.target)
        if path is None:
            raise ValueError(f"Got the target {request.target!r}, which the constraint of its format cannot write.")
        return [piece for edge in path for piece in self.chat.encode(edge.text)] + [self.chat.end]

    def decisions(self, request: Request) -> tuple[list[int], list[Decision]]:
        """The right answer, and what had to be decided to write it.

        A constrained answer is learned as it is decoded: pieces without an alternative are not learned, and each decision is one
        among the allowed pieces only. A free answer is learned piece by piece, among all pieces.

        RETURNS (tuple[list[int], list[Decision]]): Piece ids of the answer, and its decisions.
        """
        answer = self.target_pieces(request)
        if not request.constrained:
            return answer, [Decision(place, piece, None) for place, piece in enumerate(answer)]
        guide, made = self._guide(request), []
        for place, piece in enumerate(answer):
            allowed = guide.allowed()
            if allowed is not None and len(allowed) > 1:
                made.append(Decision(place, piece, allowed))
            guide.step(piece, 0.0)
        return answer, made

    def nll(self, requests: Sequence[Request]) -> torch.Tensor:
        """Negative log-likelihood of the right answers; the prompt is read, and learned as far as `learn_prompts` says.

        requests (Sequence[Request]): With targets.
        RETURNS (torch.Tensor): Sum over the decisions of each answer, in nats. Shape: (requests,).
        """
        self.model.train()
        lessons = [self.lesson(request) for request in requests]
        made = [(row, one) for row, (_, ones) in enumerate(lessons) for one in ones]
        made.sort(key=lambda pair: pair[1].allowed is None)
        rows, ones = zip(*made) if made else ((0,), ())
        # The piece at a place is decided at the column before it.
        columns = [one.place - 1 for one in ones] or [0]
        logits = self._logits([pieces[:-1] for pieces, _ in lessons], rows, columns)
        constrained = sum(one.allowed is not None for one in ones)
        losses = torch.cat(
            [nll_among(logits[:constrained], ones[:constrained]), nll_of_all(logits[constrained:], ones[constrained:])]
        )
        losses = losses * torch.tensor([one.weight for one in ones], device=losses.device)
        owners = torch.tensor(rows[: len(ones)], device=losses.device, dtype=torch.long)
        return logits.new_zeros(len(requests)).index_add(0, owners, losses)

    def lesson(self, request: Request) -> tuple[list[int], list[Decision]]:
        """A prompt with its right answer, and what is learned of them.

        RETURNS (tuple[list[int], list[Decision]]): Piece ids of both, and decisions with their places there.
        """
        head, body = self.chat.prompt(request.messages)
        answer, made = self.decisions(request)
        ones = [one._replace(place=one.place + len(head) + len(body)) for one in made]
        if self.learn_prompts:
            ones += [Decision(place, piece, None, self.learn_prompts) for place, piece in enumerate(body, len(head))]
        return [*head, *body, *answer], ones

    def _logits(self, sequences: Sequence[Sequence[int]], rows: Sequence[int], columns: Sequence[int]) -> torch.Tensor:
        """What the model expects behind some places of sequences.

        The vocabulary is large and decisions are few, so only they are projected to it.

        rows (Sequence[int]): Sequence of each place.
        columns (Sequence[int]): Column of each place.
        RETURNS (torch.Tensor): Shape: (places, vocabulary).
        """
        device = self.model.device
        ids = pad_sequence([torch.tensor(sequence, dtype=torch.long) for sequence in sequences], batch_first=True)
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        places = (torch.tensor(rows, device=device), torch.tensor(columns, device=device))
        head = self.model.get_output_embeddings()
        hook = head.register_forward_pre_hook(lambda module, args: (args[0][places][None],))
        stored = next(self.model.parameters()).dtype
        try:
            with (
                torch.autocast(device.type, torch.bfloat16, enabled=stored != self.dtype),
                fast_attention(self.model, ids.shape[1]),
            ):
                output = self.model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
        finally:
            hook.remove()
        logits: torch.Tensor = output.logits[0].float()
        return logits


@contextmanager
def fast_attention(model: Any, length: int) -> Iterator[None]:
    """Train with the attention whose gradient is the faster one: on a CPU, for short sequences, that is the plain one. For long
    ones it would hold too large matrices.

    length (int): Of the sequences.
    """
    before = model.config._attn_implementation
    # What is computed twice must be computed in the same way, and the second time comes later.
    twice = getattr(model, "is_gradient_checkpointing", False)
    if before == "sdpa" and not twice and model.device.type == "cpu" and length <= LONG:
        model.config._attn_implementation = "eager"
    try:
        yield
    finally:
        model.config._attn_implementation = before


def nll_of_all(logits: torch.Tensor, decisions: Sequence[Decision]) -> torch.Tensor:
    """Negative log-likelihood of decisions among all pieces, in nats. Shape: (decisions, vocabulary) -> (decisions,)."""
    chosen = torch.tensor([one.piece for one in decisions], device=logits.device, dtype=torch.long)
    return functional.cross_entropy(logits[: len(decisions)], chosen, reduction="none")


def nll_among(logits: torch.Tensor, decisions: Sequence[Decision]) -> torch.Tensor:
    """Negative log-likelihood of decisions among the allowed pieces, in nats. Shape: (decisions, vocabulary) -> (decisions,)."""
    if not decisions:
        return logits[:0, 0]
    chosen = torch.tensor([one.piece for one in decisions], device=logits.device)
    allowed = pad_sequence([torch.tensor(one.allowed) for one in decisions], batch_first=True, padding_value=-1).to(logits.device)
    among = logits.gather(1, allowed.clamp(min=0)).masked_fill(allowed < 0, -torch.inf)
    return among.logsumexp(dim=1) - logits.gather(1, chosen[:, None]).squeeze(1)
