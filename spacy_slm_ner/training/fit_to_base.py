"""The width of the states that other components listen to, taken from the base that is to be trained."""

from typing import Any, Dict, Iterator, Optional

from spacy.language import Language

LISTENER = "Tok2VecListener"


def fit_to_base(nlp: Language) -> None:
    """Give each `tok2vec` over a base of transformers the base's width, if its config says another, and its listeners too.

    spaCy wants that width in the config before there is a model. The components are made anew, as they have no weights yet.

    nlp (Language): Pipeline with the config of its training; that is changed as well.
    """
    components = nlp.config.interpolate()["components"]
    for name in nlp.component_names:
        width = base_width(nlp.get_pipe(name))
        if width is None or width == components[name]["model"]["width"]:
            continue
        components[name]["model"]["width"] = width
        replace(nlp, name, components[name])
        for other in nlp.component_names:
            found = [one for one in listeners(components[other]) if one.get("upstream", "*") in ("*", name)]
            for one in found:
                one["width"] = width
            if found:
                replace(nlp, other, components[other])


def base_width(pipe: Any) -> Optional[int]:
    """Return the width of the base that a component is to be trained over; None if it has none."""
    shims = getattr(getattr(pipe, "model", None), "shims", [])
    widths = (getattr(shim, "base_width", None) for shim in shims)
    return next((width() for width in widths if width is not None), None)


def listeners(config: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    """Yield the configs of all listeners inside the config of a component."""
    if LISTENER in str(config.get("@architectures", "")):
        yield config
    for value in config.values():
        if isinstance(value, dict):
            yield from listeners(value)


def replace(nlp: Language, name: str, config: Dict[str, Any]) -> None:
    nlp.replace_pipe(name, config["factory"], config={key: value for key, value in config.items() if key != "factory"})
