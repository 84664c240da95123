"""Grammars as GBNF, the notation of llama.cpp that xgrammar reads as well, for servers that decode under a constraint.

Each rule is right-linear: alternatives, each a text and the rule behind it. States from which the same can be written share a
rule. So do ends of long lists of alternatives, such as the words that may come next in a text: from one word on, and from the
next.
"""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Iterator, NamedTuple, Optional, Sequence

from ..errors import GrammarSizeError
from .grammar import Edge, Grammar, State

# Most alternatives of a rule. Of longer lists, rules are made from their end on.
WIDTH = 16
# Edges that are looked at for each rule that is allowed, as those of many states may be alternatives of one rule.
EDGES_PER_RULE = 200


class Alternative(NamedTuple):
    """What may be written.

    text (str): A text.
    rule (Optional[int]): Number of the rule behind it; None for the end of the answer.
    """

    text: str
    rule: Optional[int]


Rule = tuple[Alternative, ...]


def to_gbnf(grammar: Grammar, most_rules: int) -> str:
    """Write a grammar as GBNF. Silent edges write nothing, and must not form a loop.

    grammar (Grammar): The grammar.
    most_rules (int): Most rules.
    RETURNS (str): One rule a line, `root` first. It depends on the grammar alone.
    RAISES (GrammarSizeError): If there are more rules.
    """
    rules = RuleMaker(grammar, EDGES_PER_RULE * most_rules)
    lines = [
        f"{name} ::= {' | '.join(alternatives)}\n" for name, alternatives in RuleWriter(rules.make(), rules.numbered).write()
    ]
    if len(lines) > most_rules:
        raise GrammarSizeError(explain_size(f"{len(lines):,} rules", most_rules))
    return "".join(lines)


def explain_size(size: str, most: int) -> str:
    return (
        f"The grammar of the answers to a text has {size}, allowed are {most:,}. Lower `window` of the component, or take a "
        "format with smaller ones, such as spacy-slm-ner.TrailingTags.v1."
    )


@dataclass
class RuleMaker:
    """Makes rules of the states of a grammar, from the end of the answers to their start.

    grammar (Grammar): The grammar.
    most_edges (int): Most edges.
    numbered (list[Rule]): The rules, by their numbers.
    """

    grammar: Grammar
    most_edges: int
    numbered: list[Rule] = field(default_factory=list)
    _numbers: dict[Rule, int] = field(default_factory=dict)
    # What stands for each state that is done, and the numbers of the rules of states that lead back to themselves.
    _done: dict[State, Alternative] = field(default_factory=dict)
    _loops: dict[State, int] = field(default_factory=dict)

    def make(self) -> Alternative:
        """Make all rules.

        RETURNS (Alternative): What stands for the start.
        RAISES (GrammarSizeError): If there are more edges.
        """
        opened: dict[State, Sequence[Edge]] = {}
        waiting, seen = [self.grammar.start], 0
        while waiting:
            state = waiting[-1]
            if state in self._done:
                waiting.pop()
            elif state in opened:
                self._done[waiting.pop()] = self._close(state, opened.pop(state))
            else:
                opened[state] = self.grammar.edges(state)
                waiting += [target for target in self._targets(opened[state]) if not self._is_loop(target, opened)]
                seen += len(opened[state])
                if seen > self.most_edges:
                    raise GrammarSizeError(explain_size(f"more than {self.most_edges:,} edges", self.most_edges))
        return self._done[self.grammar.start]

    def _targets(self, edges: Sequence[Edge]) -> Iterator[State]:
        """Yield the targets of edges that are not done."""
        return (edge.target for edge in edges if edge.target not in self._done)

    def _is_loop(self, target: State, opened: dict[State, Sequence[Edge]]) -> bool:
        """Whether a state is before itself. It then has a number before it has a rule."""
        if target in opened and target not in self._loops:
            self._loops[target] = len(self.numbered)
            self.numbered.append(())
        return target in opened

    def _close(self, state: State, edges: Sequence[Edge]) -> Alternative:
        """Make what stands for a state."""
        ends = [Alternative("", None)] if self.grammar.may_end(state) else []
        rule = self._narrow(tuple(dict.fromkeys([*ends, *map(self._follow, edges)])))
        if state in self._loops:
            self.numbered[self._loops[state]] = rule
            return Alternative("", self._loops[state])
        return rule[0] if len(rule) == 1 else Alternative("", self._number(rule))

    def _follow(self, edge: Edge) -> Alternative:
        done = self._done.get(edge.target)
        return Alternative(edge.text, self._loops[edge.target]) if done is None else Alternative(edge.text + done.text, done.rule)

    def _narrow(self, rule: Rule) -> Rule:
        """Move alternatives of a long rule to rules of their own, from the end on, where other rules are most like this one."""
        while len(rule) > WIDTH:
            first = len(rule) % WIDTH
            blocks = [rule[start : start + WIDTH] for start in range(first, len(rule), WIDTH)]
            rule = (*rule[:first], *(Alternative("", self._number(block)) for block in blocks))
        return rule

    def _number(self, rule: Rule) -> int:
        """Return the number of a rule, which is new if there is none like it. All behind its first alternative is a rule too."""
        number = self._numbers.get(rule)
        if number is None:
            kept = rule if len(rule) < 3 else (rule[0], Alternative("", self._number(rule[1:])))
            number = self._numbers[rule] = len(self.numbered)
            self.numbered.append(kept)
        return number


@dataclass
class RuleWriter:
    """Writes rules. Those that are nothing but a part of one other are written there.

    start (Alternative): What may be written.
    numbered (Sequence[Rule]): Rules by their numbers.
    """

    start: Alternative
    numbered: Sequence[Rule]

    @cached_property
    def _uses(self) -> Counter[Optional[int]]:
        """How often each rule is referred to."""
        return Counter(alternative.rule for rule in [(self.start,), *self.numbered] for alternative in rule)

    def write(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the name of each rule and its alternatives, in the order in which they are referred to."""
        names: dict[int, str] = {}
        waiting: list[tuple[str, Rule]] = [("root", (self.start,))]
        for name, rule in waiting:
            written = []
            for text, target in self._whole(rule):
                if target is not None and target not in names:
                    names[target] = f"r{len(names) + 1}"
                    waiting.append((names[target], self.numbered[target]))
                parts = [literal(text)] if text or target is None else []
                written.append(" ".join(parts if target is None else [*parts, names[target]]))
            yield name, written

    def _whole(self, rule: Rule) -> Iterator[Alternative]:
        """Iterate over the alternatives of a rule with those of its parts."""
        for alternative in rule:
            if not alternative.text and alternative.rule is not None and self._uses[alternative.rule] == 1:
                yield from self._whole(self.numbered[alternative.rule])
            else:
                yield alternative


def literal(text: str) -> str:
    """Write a text as a literal that llama.cpp and xgrammar read alike; lone surrogates too, which no model can write."""
    return '"' + "".join(char if char.isprintable() and char not in '"\\' else escape_char(char) for char in text) + '"'


def escape_char(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char == "\n":
        return "\\n"
    # Of fixed lengths, as xgrammar reads any number of digits behind \x.
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
