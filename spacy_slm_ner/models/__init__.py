"""Pretrained models. Only these folders and `pretraining` import torch, transformers and peft."""
