from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from spacy.language import Language
from spacy.tokens import Doc

from ..errors import EvaluationError
from ..evaluation.calibration import Calibration, fit_temperature, measure_calibration
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
    gpu_id: Annotated[int, typer.Option(help="Number of the GPU, -1 for the CPU.")] = -1,
) -> None:
    """Fit the temperature of a component's scores, so that a score says how often it is right. What is found does not change."""
    with clear_errors():
        found = calibrate(model, data, output, component, gpu_id)
    console.print(summarize_calibration(found, output), soft_wrap=True, markup=False)


def summarize_calibration(found: dict[str, Any], output: Path) -> str:
    """Summarize the calibration in one line."""
    if not found["entities"]:
        return (
            f"{found['component']} found no entity in the data, so there are no scores to calibrate: temperature 1.00 -> "
            f"{output}. Train it longer, or on more records, and calibrate it again."
        )
    return (
        f"{found['component']}: temperature {found['temperature']:.2f}; expected calibration error {found['before']:.3f} before, "
        f"{found['after']:.3f} after, on {found['entities']} entities -> {output}"
    )


def calibrate(model: str, data: Path, output: Path, component: Optional[str] = None, gpu_id: int = -1) -> dict[str, Any]:
    """Calibrate a pipeline, and write it to disk.

    RETURNS (dict[str, Any]): Name of the component, its temperature, number of entities, calibration error before and after. If
        it found no entity, the errors are None and the temperature is 1.
    RAISES (EvaluationError): If no component has a temperature, or gold annotation is missing.
    RAISES (ReadError): If model or data cannot be read.
    """
    nlp = load_pipeline(model, gpu_id)
    gold = list(load_docbin(data).get_docs(nlp.vocab))
    require_annotation(gold)
    name = find_component(nlp, component)
    pipe: Any = nlp.get_pipe(name)
    # The temperature is fitted to unscaled scores.
    pipe.temperature = 1.0
    before = score_entities(nlp, pipe, gold)
    if before is not None:
        pipe.temperature = fit_temperature(before.predictions)
    nlp.to_disk(output)
    errors = (before.error, before.scaled(pipe.temperature).error) if before else (None, None)
    figures = {"before": errors[0], "after": errors[1], "entities": len(before.predictions) if before else 0}
    return {"component": name, "temperature": pipe.temperature, **figures}


def find_component(nlp: Language, name: Optional[str]) -> str:
    """Find the component to calibrate.

    RAISES (EvaluationError): If it has no temperature, or several have one and none is named.
    """
    known = [pipe_name for pipe_name, pipe in nlp.pipeline if hasattr(pipe, "temperature")]
    if name is None and len(known) == 1:
        return known[0]
    if name not in known:
        raise EvaluationError(
            f"Got the component {name!r}, those with a temperature are: {', '.join(known) or 'none'}. Name one of them."
        )
    return str(name)


def score_entities(nlp: Language, pipe: Any, gold: list[Doc]) -> Optional[Calibration]:
    """Score all entities that a component finds, without its threshold and the other components; None if it finds none."""
    docs = list(nlp.pipe((doc.text for doc in gold), disable=[name for name, other in nlp.pipeline if other is pipe]))
    pipe.score_ents(docs)
    return measure_calibration(docs, gold)
