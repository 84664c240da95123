"""Right answers as what has to be decided to write them."""

from itertools import accumulate

from ...constraints.grammar import Edge, find_path
from ...constraints.guide import GrammarGuide
from ...formats.base import Request
from ..pretrained.chat_tokenizer import ChatTokenizer
from .training_loss import Decision, TrainingExample


def make_example(chat: ChatTokenizer, request: Request, learn_prompts: float = 0.0) -> TrainingExample:
    """Encode a prompt with its right answer, and list what is learned of them.

    request (Request): With a target.
    learn_prompts (float): Weight of the loss on the text of the prompt.
    RAISES (ValueError): If the constraint cannot write the target.
    """
    prefix, suffix = chat.prompt(request.messages)
    start = len(prefix) + len(suffix)
    answer, decisions = decide(chat, request)
    decisions = [decision._replace(place=start + decision.place) for decision in decisions]
    if learn_prompts:
        decisions += [Decision(place, piece, None, learn_prompts) for place, piece in enumerate(suffix, len(prefix))]
    return TrainingExample([*prefix, *suffix, *answer], decisions, len(prefix))


def decide(chat: ChatTokenizer, request: Request) -> tuple[list[int], list[Decision]]:
    """List what has to be decided to write the right answer.

    A constrained answer is learned as it is decoded: pieces without an alternative are not learned, and each decision is one
    among the allowed pieces only. A free answer is learned piece by piece, among all pieces.

    RETURNS (tuple[list[int], list[Decision]]): Piece ids of the answer, and its decisions, with their places in the answer.
    """
    path = target_path(request)
    first_line = len(str(request.target).partition("\n")[0])
    starts = accumulate((len(edge.text) for edge in path), initial=0)
    weights = [request.first_line_weight if start <= first_line else 1.0 for start in starts]
    texts = [edge.chosen if request.constrained else edge.text for edge in path]
    learned = [(piece, weight) for text, weight in zip(texts, weights) for piece in chat.encode(text)]
    learned.append((chat.end, weights[-1]))
    if not request.constrained:
        return [piece for piece, _ in learned], [Decision(i, piece, None, weight) for i, (piece, weight) in enumerate(learned)]
    guide, decisions, written = GrammarGuide(request.grammar, chat.encode, chat.end), list[Decision](), list[int]()
    for piece, weight in learned:
        allowed = guide.allowed()
        if len(allowed) > 1:
            decisions.append(Decision(len(written), piece, allowed, weight))
        if guide.step(piece):
            written.append(piece)
    return written, decisions


def target_pieces(chat: ChatTokenizer, request: Request) -> list[int]:
    """Piece ids of the right answer, cut as the constraint cuts it."""
    return [piece for edge in target_path(request) for piece in chat.encode(edge.text)] + [chat.end]


def target_path(request: Request) -> list[Edge]:
    """Find the edges that write the right answer.

    RAISES (ValueError): If the constraint cannot write it.
    """
    path = None if request.target is None else find_path(request.grammar, request.target)
    if path is None:
        raise ValueError(f"Got the target {request.target!r}, which the constraint of its format cannot write.")
    return path
