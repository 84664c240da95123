__title__ = "spacy-slm-ner"
__version__ = "0.1.0"
__summary__ = "Build your own named-entity recogniser: LLM-written records in, a small spaCy pipeline out"
