"""Pretraining of a small base from nothing: extraction tasks made from labelled sentences, and first weights."""
