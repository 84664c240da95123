"""Pretrained models. The only room that may import torch, transformers and peft, and it does so where they are used."""
