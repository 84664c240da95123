"""What prompts share, read once: a tree of prefixes, such as the task, the text, and then the question."""

from dataclasses import dataclass, field
from itertools import takewhile
from operator import itemgetter
from typing import Iterator, Optional, Sequence

from .batch_reader import StepInput, read_prefix
from .kv_cache import KeyValues, first_columns
from .lm_head import LMHead
from .packed_reader import PackedReader

Prefix = tuple[int, ...]
# Number of prefixes that are remembered besides those in use.
REMEMBERED = 16
# Number of pieces that is worth a pass of its own, if several prefixes begin with them.
SHORTEST_TRUNK = 8
# Most pieces of prefixes that are read together.
MOST_TOGETHER = 8192


@dataclass
class PrefixCache:
    """Keys and values of prefixes. Threads may use it at the same time.

    lm_head (LMHead): Of the model.
    packed (Optional[LMHead]): Of the same model for packed batches; None to read each prefix alone.
    known (dict[Prefix, KeyValues]): Those that are remembered, the last one in use at the end.
    """

    lm_head: LMHead
    packed: Optional[LMHead]
    known: dict[Prefix, KeyValues] = field(default_factory=dict)

    def load(self, prefixes: Sequence[Prefix]) -> list[KeyValues]:
        """Return the keys and values of each prefix. Prefixes that are equal give the same object."""
        wanted = dict.fromkeys(prefixes)
        found = {prefix: layers for prefix, layers in list(self.known.items()) if prefix in wanted}
        missing = [prefix for prefix in wanted if prefix not in found]
        found |= dict(zip(missing, self._read(missing)))
        for prefix in found:
            self.known.pop(prefix, None)
        for oldest in list(self.known)[:-REMEMBERED]:
            self.known.pop(oldest, None)
        self.known |= dict(list(found.items())[-REMEMBERED:])
        return [found[prefix] for prefix in prefixes]

    def _read(self, prefixes: Sequence[Prefix]) -> Iterator[KeyValues]:
        """Read prefixes, and what they have in common with each other or with a known one only once."""
        if not prefixes:
            return
        trunk = common_start([prefix[:-1] for prefix in prefixes])
        length, layers = self._longest_known(trunk)
        if len(prefixes) > 1 and len(trunk) - length >= SHORTEST_TRUNK:
            layers = read_prefix(self.lm_head, trunk[length:], first_columns(layers, length))
            length = len(trunk)
        before = first_columns(layers, length)
        for group in groups(prefixes):
            if self.packed is not None and len(group) > 1 and length:
                yield from read_together(self.packed, group, before, length)
            else:
                yield from (read_prefix(self.lm_head, prefix[length:], before) for prefix in group)

    def _longest_known(self, prefix: Prefix) -> tuple[int, KeyValues]:
        """Find the longest start of a prefix that is the start of a known one; give its length and that one's layers."""
        known = [(len(common_start([prefix, other])), layers) for other, layers in list(self.known.items())]
        return max(known, key=itemgetter(0), default=(0, ()))


def groups(prefixes: Sequence[Prefix]) -> Iterator[list[Prefix]]:
    """Group prefixes that are read together."""
    group: list[Prefix] = []
    for prefix in prefixes:
        if group and (len(group) + 1) * max(map(len, [*group, prefix])) > MOST_TOGETHER:
            yield group
            group = []
        group.append(prefix)
    yield group


def read_together(packed: LMHead, prefixes: Sequence[Prefix], before: KeyValues, length: int) -> list[KeyValues]:
    """Read prefixes as one packed batch.

    packed (LMHead): See `PrefixCache`.
    prefixes (Sequence[Prefix]): Whole prefixes.
    before (KeyValues): Keys and values of the pieces that all begin with.
    length (int): Number of those pieces, at least one.
    """
    reader = PackedReader(packed, [])
    reader.enter([before] * len(prefixes))
    reader.read([StepInput(list(prefix[length:]), length, 1) for prefix in prefixes], whole=False)
    return [reader.store.row(number) for number in range(len(prefixes))]


def common_start(prefixes: Sequence[Prefix]) -> Prefix:
    """Return the pieces that all prefixes begin with."""
    return tuple(pieces[0] for pieces in takewhile(lambda pieces: len(set(pieces)) == 1, zip(*dict.fromkeys(prefixes))))
