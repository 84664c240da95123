"""One sequence of a batch: its next input, and the pieces that the logits of a step let it write."""

import math
from dataclasses import dataclass, field
from typing import Optional

import numpy as np

from ...constraints.draft import Draft
from ...constraints.guide import Guide
from .batch_reader import StepInput
from .lm_head import StepLogits

# Number of pieces that are proposed at a time: at first, and at least.
FIRST_PROPOSAL, SHORTEST_PROPOSAL = 16, 4


@dataclass
class RunningSequence:
    """A prompt and its answer so far.

    prefix (tuple[int, ...]): The first pieces of its prompt, which it shares.
    guide (Guide): The constraint, which also holds the answer.
    draft (Optional[Draft]): What its answer may be.
    length (int): Number of cached pieces.
    unread (list[int]): Pieces of the prompt or the answer that the model has not read yet.
    proposed (list[int]): Pieces behind them that the draft proposes.
    proposal_size (int): How many pieces to propose: more after a proposal that was right, fewer after one that was not.
    """

    prefix: tuple[int, ...]
    guide: Guide
    draft: Optional[Draft]
    length: int
    unread: list[int]
    proposed: list[int] = field(default_factory=list)
    proposal_size: int = FIRST_PROPOSAL

    @property
    def size(self) -> int:
        """Number of pieces behind the prefix: the rest of the prompt, the answer so far, and what is proposed."""
        return self.length - len(self.prefix) + len(self.unread) + len(self.proposed)

    @property
    def width(self) -> int:
        """Number of all its pieces, the prefix included."""
        return len(self.prefix) + self.size

    def step_input(self) -> StepInput:
        """Return what the model reads next: the logits behind the last unread piece and behind each proposed one are needed."""
        return StepInput([*self.unread, *self.proposed], self.length, 1 + len(self.proposed))

    def propose(self, most: int, max_length: int) -> None:
        """Take the next proposal from the draft.

        most (int): Most pieces of a proposal.
        max_length (int): Number of pieces that the model can read in all.
        """
        if self.draft is not None:
            proposed = self.guide.propose(self.draft, SHORTEST_PROPOSAL, min(self.proposal_size, most))
            self.proposed = proposed[: max(0, max_length - self.length - len(self.unread))]

    def write(self, logits: StepLogits, number: int) -> None:
        """Accept the proposal as far as the model agrees; write the likeliest piece after it, and all without an alternative.

        The logits have a column for the last unread piece, and one behind each proposed piece. Column `accepted` decides what
        follows the accepted pieces: the same piece as proposed is accepted, and the next column decides; another piece ends it.

        logits (StepLogits): Of the step.
        number (int): Number of this sequence in the batch.
        """
        self.length += len(self.unread)
        self.unread = []
        accepted = 0
        while not self.guide.done and not self.unread:
            first_column = -1 - len(self.proposed)
            piece = self._write_likeliest(logits, number, first_column + accepted)
            if piece is None:
                continue
            if accepted < len(self.proposed) and piece == self.proposed[accepted]:
                accepted += 1
            else:
                self.unread = [piece]
        self.length += accepted
        self._adapt_proposal_size(accepted)
        self.write_forced()

    def write_forced(self) -> None:
        """Write as long as there is no alternative; what is written is read with the next decision."""
        while not self.guide.done:
            allowed = self.guide.allowed()
            if allowed is None or len(allowed) > 1:
                return
            if self.guide.step(allowed[0], 0.0):
                self.unread.append(allowed[0])

    def _adapt_proposal_size(self, accepted: int) -> None:
        if self.proposed:
            right = accepted == len(self.proposed)
            self.proposal_size = 2 * self.proposal_size if right else max(SHORTEST_PROPOSAL, self.proposal_size // 2)

    def _write_likeliest(self, logits: StepLogits, number: int, column: int) -> Optional[int]:
        """Write the likeliest allowed piece by the logits of a column. RETURNS (Optional[int]): The piece; None if it was chosen
        silently, so that the same column decides on."""
        allowed = self.guide.allowed()
        if allowed is not None and len(allowed) == 1:
            return allowed[0] if self.guide.step(allowed[0], 0.0) else None
        values = logits.logits(number, column, allowed).astype(np.float64)
        best = int(values.argmax())
        piece = best if allowed is None else allowed[best]
        return piece if self.guide.step(piece, -math.log(np.exp(values - values[best]).sum())) else None
