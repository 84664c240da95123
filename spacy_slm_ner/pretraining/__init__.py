"""Pretraining of a small base from scratch: extraction tasks made from labelled sentences, and first weights."""
