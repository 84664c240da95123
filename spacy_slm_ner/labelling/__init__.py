"""Labelling of raw text by a pipeline or a prompt: silver records, with all that is needed to go on after a kill."""
