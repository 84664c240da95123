"""Augmenters, schedules and callbacks that configs of `spacy train` name. No torch."""
