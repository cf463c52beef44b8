"""What models are made of: one idea per file. Every name here may be used in a TOML description of a model."""

from weighbridge.nn.attention import GroupedQueryAttention
from weighbridge.nn.convolution import CausalConvolution
from weighbridge.nn.decoder import CausalLM, DecoderLayer, Head, MultiTokenPrediction, stack
from weighbridge.nn.embedding import Embedding, TokenAndPosition
from weighbridge.nn.linear import Linear
from weighbridge.nn.linear_attention import GatedDeltaNet
from weighbridge.nn.mla import MultiHeadLatentAttention
from weighbridge.nn.mlp import MLP, GatedMLP
from weighbridge.nn.module import Module, Repeat
from weighbridge.nn.moe import MixtureOfExperts, Router
from weighbridge.nn.norm import GatedRMSNorm, LayerNorm, RMSNorm
from weighbridge.nn.ssm import Mamba2

__all__ = [
    "MLP",
    "CausalConvolution",
    "CausalLM",
    "DecoderLayer",
    "Embedding",
    "GatedDeltaNet",
    "GatedMLP",
    "GatedRMSNorm",
    "GroupedQueryAttention",
    "Head",
    "LayerNorm",
    "Linear",
    "Mamba2",
    "MixtureOfExperts",
    "Module",
    "MultiHeadLatentAttention",
    "MultiTokenPrediction",
    "RMSNorm",
    "Repeat",
    "Router",
    "TokenAndPosition",
    "stack",
]
