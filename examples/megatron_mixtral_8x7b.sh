#!/bin/bash
# Pretrain Mixtral 8x7B on 8 nodes of 8 H100 80GB with Megatron-LM: what each of its 64 ranks will need, before it runs.
#
# Everything here is a launch script as it stands on the cluster, except the one line that Weighbridge stands in for.
# It needs no GPU, no data and no Megatron-LM. Run it as it is:
#
#     examples/megatron_mixtral_8x7b.sh [--micro-batch-size 2 ...]
#
# What is given to the script stands last on the command line, and there the last of equal arguments wins.

set -euo pipefail

export CUDA_DEVICE_MAX_CONNECTIONS=1

GPUS_PER_NODE=${GPUS_PER_NODE:-8}
NNODES=${NNODES:-8}
NODE_RANK=${NODE_RANK:-0}
MASTER_ADDR=${MASTER_ADDR:-localhost}
MASTER_PORT=${MASTER_PORT:-6000}

CHECKPOINTS=${CHECKPOINTS:-/checkpoints/mixtral-8x7b}
TOKENIZER=${TOKENIZER:-/models/mixtral-8x7b/tokenizer.model}
DATA=${DATA:-/data/corpus_text_document}

DISTRIBUTED_ARGS=(
    --nproc_per_node "$GPUS_PER_NODE"
    --nnodes "$NNODES"
    --node_rank "$NODE_RANK"
    --master_addr "$MASTER_ADDR"
    --master_port "$MASTER_PORT"
)

# Mistral's attention with 8 query groups; 32 layers; nothing has a bias.
MODEL_ARGS=(
    --num-layers 32
    --hidden-size 4096
    --ffn-hidden-size 14336
    --num-attention-heads 32
    --group-query-attention
    --num-query-groups 8
    --seq-length 4096
    --max-position-embeddings 32768
    --position-embedding-type rope
    --rotary-base 1000000
    --no-position-embedding
    --normalization RMSNorm
    --norm-epsilon 1e-5
    --swiglu
    --disable-bias-linear
    --untie-embeddings-and-output-weights
    --attention-dropout 0.0
    --hidden-dropout 0.0
    --attention-softmax-in-fp32
    --init-method-std 0.02
)

# Eight experts in every layer, of which a token meets two.
MOE_ARGS=(
    --num-experts 8
    --moe-router-topk 2
    --moe-router-load-balancing-type aux_loss
    --moe-aux-loss-coeff 1e-2
    --moe-grouped-gemm
    --moe-permute-fusion
    --moe-token-dispatcher-type alltoall
)

PARALLEL_ARGS=(
    --tensor-model-parallel-size 2
    --pipeline-model-parallel-size 4
    --num-layers-per-virtual-pipeline-stage 4
    --expert-model-parallel-size 8
    --expert-tensor-parallel-size 1
    --sequence-parallel
    --use-distributed-optimizer
    --overlap-grad-reduce
    --overlap-param-gather
)

TRAINING_ARGS=(
    --bf16
    --micro-batch-size 1
    --global-batch-size 256
    --train-iters 500000
    --lr 1e-4
    --min-lr 1e-5
    --lr-decay-style cosine
    --lr-decay-iters 320000
    --lr-warmup-iters 500
    --weight-decay 0.1
    --clip-grad 1.0
)

DATA_ARGS=(
    --data-path "$DATA"
    --split 99990,8,2
    --tokenizer-type Llama2Tokenizer
    --tokenizer-model "$TOKENIZER"
    --vocab-size 32000
)

LOGGING_ARGS=(
    --log-interval 1
    --save-interval 10000
    --eval-interval 1000
    --eval-iters 10
    --save "$CHECKPOINTS"
    --load "$CHECKPOINTS"
    --tensorboard-dir "$CHECKPOINTS/tensorboard"
    --no-load-optim
    --no-load-rng
)

# On the cluster the first line of this command reads:   torchrun "${DISTRIBUTED_ARGS[@]}" pretrain_gpt.py \
weighbridge megatron -- torchrun "${DISTRIBUTED_ARGS[@]}" pretrain_gpt.py \
    "${MODEL_ARGS[@]}" \
    "${MOE_ARGS[@]}" \
    "${PARALLEL_ARGS[@]}" \
    "${TRAINING_ARGS[@]}" \
    "${DATA_ARGS[@]}" \
    "${LOGGING_ARGS[@]}" \
    "$@"
