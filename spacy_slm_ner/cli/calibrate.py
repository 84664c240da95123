from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from spacy.language import Language
from spacy.tokens import Doc

from ..errors import EvaluationError
from ..evaluation.calibration import Calibration, fit_temperature, judge
from ..evaluation.strict import require_annotation
from ._app import app, clear_errors, console
from ._load import load_docbin, load_pipeline


@app.command("calibrate")
def calibrate_cli(
    model: Annotated[str, typer.Argument(help="Folder or package name of a pipeline.")],
    data: Annotated[Path, typer.Argument(help="DocBin with gold annotation (.spacy): the development set, never the test set.")],
    output: Annotated[Path, typer.Argument(help="Folder for the calibrated pipeline.")],
    component: Annotated[
        Optional[str], typer.Option(help="Component; the only one that can be calibrated, if not given.")
    ] = None,
) -> None:
    """Fit the temperature of a component's scores, so that a score says how often it is right. What is found does not change."""
    with clear_errors():
        found = calibrate(model, data, output, component)
    console.print(
        f"{found['component']}: temperature {found['temperature']:.2f}; expected calibration error {found['before']:.3f} before, "
        f"{found['after']:.3f} after, on {found['entities']} entities -> {output}",
        soft_wrap=True,
        markup=False,
    )


def calibrate(model: str, data: Path, output: Path, component: Optional[str] = None) -> dict[str, Any]:
    """Calibrate a pipeline and write it.

    RETURNS (dict[str, Any]): Name of the component, its temperature, number of entities, calibration error before and after.
    RAISES (EvaluationError): If there is nothing to calibrate.
    RAISES (ReadError): If model or data cannot be read.
    """
    nlp = load_pipeline(model)
    gold = list(load_docbin(data).get_docs(nlp.vocab))
    require_annotation(gold)
    name = find_component(nlp, component)
    pipe: Any = nlp.get_pipe(name)
    # Fitting starts from the scores as they are decoded.
    pipe.temperature = 1.0
    before = measure(nlp, pipe, gold)
    pipe.temperature = fit_temperature(before.judged)
    after = before.scaled(pipe.temperature)
    nlp.to_disk(output)
    figures = {"before": before.error, "after": after.error, "entities": len(before.judged)}
    return {"component": name, "temperature": pipe.temperature, **figures}


def find_component(nlp: Language, name: Optional[str]) -> str:
    """The component to calibrate."""
    known = [pipe_name for pipe_name, pipe in nlp.pipeline if hasattr(pipe, "temperature")]
    if name is None and len(known) == 1:
        return known[0]
    if name not in known:
        raise EvaluationError(
            f"Got the component {name!r}, those with a temperature are: {', '.join(known) or 'none'}. Name one of them."
        )
    return str(name)


def measure(nlp: Language, pipe: Any, gold: list[Doc]) -> Calibration:
    """Scores of everything that a component finds, whatever its threshold and whatever else the pipeline does."""
    docs = list(nlp.pipe((doc.text for doc in gold), disable=[name for name, other in nlp.pipeline if other is pipe]))
    pipe.score_ents(docs)
    calibration = judge(docs, gold)
    if calibration is None:
        raise EvaluationError("The component found no entity in the data, so there are no scores to calibrate. Train it first.")
    return calibration
