"""Every prompt format against an endpoint that knows the right answers, and spoils a share of them.

python -m spacy_slm_ner convert crossner/politics/train.txt crossner/politics/test.txt -o corpus/politics --labels ""
python benchmarks/prompt_formats.py corpus/politics/test.spacy corpus/politics/train.spacy --noise 0.3
"""

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import spacy
import typer
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from spacy_slm_ner.evaluation.evaluate import bare_doc
from spacy_slm_ner.evaluation.strict import agreed_scores
from spacy_slm_ner.types import Span

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from scripted_prompts import FORMATS, PromptServer, pipeline, script  # noqa: E402


def spans(docs: list[Doc]) -> set[tuple[int, Span]]:
    """All entities, with the numbers of their Docs."""
    return {(number, Span(ent.start, ent.end, ent.label_)) for number, doc in enumerate(docs) for ent in doc.ents}


def main(
    data: Annotated[Path, typer.Argument(help="DocBin with gold entities.")],
    examples: Annotated[Path, typer.Argument(help="DocBin with examples for FewShot.")],
    noise: Annotated[float, typer.Option(help="Share of the answers that are spoiled.")] = 0.0,
    texts: Annotated[int, typer.Option(help="Number of texts.")] = 500,
) -> None:
    os.environ["OPENAI_API_KEY"] = "sk-right"
    typer.echo("| format | requests | F1 | invented | unreadable: known, counted | hallucinated: known, counted |")
    typer.echo("| --- | --- | --- | --- | --- | --- |")
    for format in FORMATS:
        with PromptServer() as server:
            labels = sorted(
                {ent.label_ for doc in DocBin().from_disk(data).get_docs(spacy.blank("en").vocab) for ent in doc.ents}
            )
            nlp = pipeline(server.url, format, labels, str(examples))
            gold = list(DocBin().from_disk(data).get_docs(nlp.vocab))[:texts]
            server.answers, known = script(nlp, gold, noise)
            found = list(nlp.pipe([bare_doc(nlp, doc, gold_preproc=True) for doc in gold]))
        counts = Counter[str]()
        for doc in found:
            counts.update(doc.user_data["slm_ner"]["counts"])
        f1 = agreed_scores([Example(*pair) for pair in zip(found, gold)])["all"][2]
        numbers = f"{known.unparsable}, {counts['unparsable']} | {known.hallucinated}, {counts['hallucinated']}"
        typer.echo(f"| {format} | {counts['queries']} | {f1:.3f} | {len(spans(found) - spans(gold))} | {numbers} |")


if __name__ == "__main__":
    typer.run(main)
