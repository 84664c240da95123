"""Constrained text generation in batches. The way in is `generator.Generator`."""
