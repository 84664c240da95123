"""Pretrained models and their tokenizers: where they come from, how they are loaded and adapted."""
