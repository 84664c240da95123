import json
from pathlib import Path
from typing import Annotated, Any, Iterator, Optional

import click
import typer
from rich.prompt import Prompt
from rich.text import Text
from spacy.tokens import Doc

from ..labels import best_category
from ..records.convert import Converter, collect_intents
from ..records.damage import DamageLog
from ..records.read_json import parse_json, read_payloads
from ..storage.journal import Journal, write_lines
from ._app import app, clear_errors, console
from ._load import blank_pipeline

KEYS = ("a", "r", "e", "q")


@app.command("review")
def review_cli(
    records: Annotated[Path, typer.Argument(help="Record file.")],
    output: Annotated[Optional[Path], typer.Option("--output", "-o", help="Accepted records, as JSON Lines.")] = None,
    lang: Annotated[str, typer.Option(help="Language of the tokenizer, a spaCy code.")] = "en",
) -> None:
    """Go through records in the terminal: accept, reject or edit each. Call it again to go on."""
    target = output or records.with_name(f"{records.stem}.reviewed.jsonl")
    with clear_errors():
        counts = review(records, target, lang)
    numbers = f"{counts['accepted']} accepted, {counts['rejected']} rejected, {counts['left']} left"
    console.print(f"{numbers} -> {target}", soft_wrap=True, markup=False)


def review(records: Path, output: Path, lang: str = "en") -> dict[str, int]:
    """Ask for a decision on each record that has none yet, and write each decision to disk at once.

    RETURNS (dict[str, int]): Number of records that are accepted, rejected and left.
    RAISES (ReadError): If the records cannot be read, or another process reviews them.
    """
    payloads = [payload for _, payload in read_payloads(records)]
    converter = Converter(blank_pipeline(lang), DamageLog(), intents=collect_intents(payloads))
    journal = Journal(output.with_name(f"{output.stem}.journal.jsonl"))
    try:
        decided = {entry["text"]: entry for entry in journal.entries}
        for number, payload in enumerate(payloads, 1):
            if record_key(payload) not in decided:
                decision = decide(payload, converter, f"{number} of {len(payloads)}")
                if decision is None:
                    break
                journal.append([decision])
                decided[decision["text"]] = decision
    finally:
        journal.close()
    made = [decided[record_key(payload)] for payload in payloads if record_key(payload) in decided]
    accepted = [entry["record"] for entry in made if entry["record"] is not None]
    write_lines(output, accepted)
    return {"accepted": len(accepted), "rejected": len(made) - len(accepted), "left": len(payloads) - len(made)}


def record_key(payload: Any) -> str:
    """Return the key that identifies a record in the journal."""
    return json.dumps(payload, sort_keys=True) if isinstance(payload, (dict, list, str)) else str(payload)


def decide(payload: Any, converter: Converter, title: str) -> Optional[dict[str, Any]]:
    """Show a record, and ask what to do with it.

    RETURNS (Optional[dict[str, Any]]): The decision; None to stop.
    """
    record = payload
    while True:
        doc, problems = converter.build(record)
        console.rule(title)
        console.print(mark_entities(doc) if doc is not None else Text(repr(record)))
        for kind, reason in problems:
            console.print(Text(f"{kind}: {reason}", style="red"))
        choice = Prompt.ask("accept (a), reject (r), edit (e) or quit (q)", choices=list(KEYS), console=console)
        if choice == "q":
            return None
        if choice != "e":
            return {"text": record_key(payload), "record": record if choice == "a" else None}
        edited = click.edit(json.dumps(record, ensure_ascii=False, indent=1), extension=".json")
        if edited is not None:
            parsed = parse_json(edited)
            if isinstance(parsed, json.JSONDecodeError):
                console.print(Text(f"Not JSON, so nothing was changed: {parsed}", style="red"))
            else:
                record = parsed


def mark_entities(doc: Doc) -> Text:
    """Format a text with its entities and its intent."""
    text = Text()
    for segment, label in entity_segments(doc):
        text.append(segment, style="bold reverse" if label else "")
        text.append(f" {label}" if label else "", style="cyan")
    intent = best_category(doc.cats)
    return text.append(f"\nintent: {intent}", style="green") if intent else text


def entity_segments(doc: Doc) -> Iterator[tuple[str, str]]:
    """Split a text at its entities, and yield each segment with its label; empty outside entities."""
    last = 0
    for ent in doc.ents:
        yield doc.text[last : ent.start_char], ""
        yield ent.text, ent.label_
        last = ent.end_char
    yield doc.text[last:], ""
