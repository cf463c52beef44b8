#!/usr/bin/env bash
# A fine-tune of Llama 3.1 8B on one card of 24 GB: which base, which sequence, what an epoch of 50,000 samples costs.
set -euo pipefail

run() {
    weighbridge train llama-3.1-8b --cluster 1xRTX-4090 --framework hf-sdpa --seq 2048 --global-batch 16 \
        --lora r=16,targets=all-linear --samples 50000 --mean-length 600 --packed "$@" |
        grep -E "^(Fits|Does not fit|longest|epoch|  +[0-9,]+ steps)"
}

echo "base in bf16"
run
echo "base in 4 bits"
run --quant nf4-double
echo "base in 4 bits, layers recomputed"
run --quant nf4-double --recompute full
