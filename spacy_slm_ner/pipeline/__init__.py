"""Components. They know spaCy only; models come in through the registry."""
