"""What a pipeline needs so that it can label texts."""

from spacy.language import Language

from ..errors import LabelError, ReadError
from ..pipeline.entity_pipe import EntityPipe


def require_entities(nlp: Language, name: str) -> None:
    """Check that a pipeline can write entities to `doc.ents`.

    nlp (Language): The pipeline.
    name (str): How the user names it.
    RAISES (ReadError): If none of its components writes there.
    RAISES (LabelError): If one of this package has no labels.
    """
    if not any(may_write_entities(nlp, component) for component in nlp.pipe_names):
        raise ReadError(
            f"No component of the pipeline {name!r} writes entities to doc.ents; it has {', '.join(nlp.pipe_names) or 'none'}. "
            'Name another one, or set `annotate = "ents"` in the config of a component that writes to doc.spans.'
        )
    for component, pipe in nlp.pipeline:
        if isinstance(pipe, EntityPipe) and not pipe.labels:
            raise LabelError(f"The component {component!r} of {name!r} has no labels. Name them as `labels` in its config.")


def may_write_entities(nlp: Language, component: str) -> bool:
    """Whether a component writes to `doc.ents`, as far as it says where it writes."""
    pipe, assigns = nlp.get_pipe(component), nlp.get_pipe_meta(component).assigns
    if isinstance(pipe, EntityPipe):
        return pipe.policy.annotate != "spans"
    return not assigns or "doc.ents" in assigns or "token.ent_type" in assigns
