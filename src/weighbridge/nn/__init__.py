"""What models are made of: one idea per file. Every name here may be used in a TOML description of a model."""

from weighbridge.nn.attention import GroupedQueryAttention as GroupedQueryAttention
from weighbridge.nn.convolution import CausalConvolution as CausalConvolution
from weighbridge.nn.decoder import CausalLM as CausalLM
from weighbridge.nn.decoder import DecoderLayer as DecoderLayer
from weighbridge.nn.decoder import Head as Head
from weighbridge.nn.decoder import MultiTokenPrediction as MultiTokenPrediction
from weighbridge.nn.decoder import stack as stack
from weighbridge.nn.embedding import Embedding as Embedding
from weighbridge.nn.embedding import TokenAndPosition as TokenAndPosition
from weighbridge.nn.linear import Linear as Linear
from weighbridge.nn.linear_attention import GatedDeltaNet as GatedDeltaNet
from weighbridge.nn.mla import MultiHeadLatentAttention as MultiHeadLatentAttention
from weighbridge.nn.mlp import MLP as MLP
from weighbridge.nn.mlp import GatedMLP as GatedMLP
from weighbridge.nn.module import Module as Module
from weighbridge.nn.module import Repeat as Repeat
from weighbridge.nn.moe import MixtureOfExperts as MixtureOfExperts
from weighbridge.nn.moe import Router as Router
from weighbridge.nn.norm import GatedRMSNorm as GatedRMSNorm
from weighbridge.nn.norm import LayerNorm as LayerNorm
from weighbridge.nn.norm import RMSNorm as RMSNorm
from weighbridge.nn.parallel_layer import ParallelLayer as ParallelLayer
from weighbridge.nn.ssm import Mamba2 as Mamba2
from weighbridge.nn.vision import MultimodalEmbedding as MultimodalEmbedding
from weighbridge.nn.vision import Tower as Tower
