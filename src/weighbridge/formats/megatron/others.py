"""Arguments of Megatron-LM that are known and not honoured: words only, by what they bear on and what they hold.

A word is the name on the command line; after "=" stands the default, where one is needed to see whether a value differs
from it. Generated from Megatron-LM's own parser at d98e8a64, and from the arguments that releases since 2022 dropped.
"""

from __future__ import annotations

MEMORY: dict[str, str] = {
    "ON": """
        apply-residual-connection-post-layernorm dataloader-inter-document-masking
        ddp-reduce-scatter-with-fp32-accumulation decrease-batch-size-if-needed defer-embedding-wgrad-compute
        delay-wgrad-compute disable-jit-fuser distribute-checkpointed-activations embedding-weights-in-fp32
        enable-full-sharding-in-hsdp enable-mhc-connections ep-overlap-early-attn-memory-release
        expert-parallel fp16-lm-cross-entropy fp8-e4m3 fp8-hybrid fp8-output-proj
        freeze-all-layers fsdp-manual-registration fused-residual-rmsnorm gdp-cutedsl-kernel
        gtp-remat-reduce-scatter-with-fp32-accumulation hybrid-context-parallel init-model-with-meta-device
        megatron-fsdp-enable-fine-grained-param-gather megatron-fsdp-max-pool-double-buffer
        mla-down-proj-fusion moe-extended-tp moe-paged-stash moe-router-padding-for-fp8
        moe-router-padding-for-quantization moe-single-grouped-bias moe-single-grouped-weight moe-token-dropping
        moe-use-grouped-tensor mtp-detach-heads mtp-hsm mtp-standalone mtp-use-repeated-layer optimizer-cuda-graph
        perform-rl-step reset-attention-mask retro-add-retriever reuse-grad-buf-for-mxfp8-param-ag sft
        standalone-embedding-stage use-custom-fsdp use-grouped-gemm-for-dense-mlp use-grouped-gemm-for-shared-expert
        use-kitchen-attention use-legacy-models use-mup use-te-activation-func use-transformer-engine-op-fuser
        vision-pretraining
    """,
    "OFF": """
        disable-mamba-mem-eff-path no-use-layer-wise-param-layout
    """,
    "INTEGER": """
        activations-checkpoint-num-layers decoder-num-layers decoder-seq-length
        delta-offload-bytes-across-pp-ranks=0 dsa-indexer-head-dim dsa-indexer-n-heads dsa-indexer-topk
        empty-unused-memory-level=0 encoder-pipeline-model-parallel-size encoder-tensor-model-parallel-size
        expert-tensor-parallel-num-weight-shards fine-grained-offloading-max-inflight-offloads gdp-num-householder=3
        kitchen-recipe-number max-seqlen-per-dp-cp-rank megatron-fsdp-version=1 mhc-num-residual-streams=4
        min-offloaded-tensor-size=1048576 mlp-chunks-for-training=1 pipeline-model-parallel-split-rank
        suggested-communication-unit-size tensor-parallel-num-weight-shards
    """,
    "NUMBER": """
        activation-offload-fraction=1.0 hybrid-attention-ratio hybrid-mlp-ratio moe-expert-rank-capacity-factor
    """,
    "TEXT": """
        activations-checkpoint-method fp4-quantizer-factory fp8-quantizer-factory
        heterogeneous-layers-config-encoded-json heterogeneous-layers-config-path kitchen-config-file
        logits-load-dir mamba-training-ssm-states-dtype megatron-fsdp-grad-comm-dtype=auto
        moe-combine-bwd-dtype=bf16 moe-dispatch-fwd-dtype=bf16 mtp-hybrid-override-pattern
        muon-scalar-optimizer=adam muon-tp-mode=duplicated no-rope-freq
        output-logit-dtype te-precision-config-file
    """,
    "TEXTS": """
        ddp-param-name-patterns-for-fp32-local-accumulation model-spec spec
    """,
}
"""They bear on memory or FLOPs and are not modelled: a warning names them."""

TIME: dict[str, str] = {
    "ON": """
        create-all-gather-group ddp-average-in-collective ddp-pad-buckets-for-high-nccl-busbw
        disable-symmetric-registration gtp-expert-remat-nccl-ub gtp-remat-nccl-ub high-priority-a2a-comm-stream
        moe-permute-fusion-into-hybridep moe-router-fusion muon-use-syrk overlap-cpu-optimizer-d2h-h2d
        overlap-dispatch-backward-with-experts-wgrad overlap-p2p-communication-warmup-flush tp-comm-overlap-rs-dgrad
        use-fused-weighted-squared-relu use-ring-exchange-p2p use-sharp use-tp-pp-dp-mapping
    """,
    "OFF": """
        no-align-grad-reduce no-align-param-gather no-fp8-wgrad no-tp-comm-bulk-dgrad no-tp-comm-bulk-wgrad
        no-tp-comm-overlap-ag no-tp-comm-overlap-rs no-tp-comm-split-ag no-tp-comm-split-rs
    """,
    "INTEGER": """
        flash-attention-version moe-deepep-num-sms moe-flex-dispatcher-num-sms moe-hybridep-num-sms
        muon-num-ns-steps=5
    """,
    "TEXT": """
        pipeline-model-parallel-comm-backend symmetric-ar-type tp-comm-overlap-cfg
    """,
    "TEXTS": """
        high-priority-stream-groups
    """,
}
"""They bear on time only and are not modelled: a warning names them."""

NOTHING: dict[str, str] = {
    "ON": """
        adlr-autoresume allow-ambiguous-pad-tokens apply-wd-to-qk-layernorm async-ckpt-use-cpu-shm async-save
        auto-detect-ckpt-format batch-invariant-mode bias-swiglu-fusion biencoder-shared-query-context-model
        cache-mla-latents calc-ft-timeouts calculate-per-token-loss check-for-large-grads check-for-spiky-loss
        checkpoint-activations ckpt-assume-constant-structure ckpt-convert-update-legacy-dist-opt-format
        ckpt-drop-redundant-extra-state ckpt-fully-parallel-load ckpt-fully-parallel-load-per-rank-objects
        ckpt-fully-parallel-save ckpt-pg-tensors-cache-create cpu-offloading-retain-pinned-cpu-buffers
        data-parallel-random-init dataloader-defer-npy-index-mmap dataloader-fast-cache-load decode-only-cuda-graphs
        delay-offload-until-cuda-graph delay-param-gather dino-norm-last-layer disable-bf16-reduced-precision-matmul
        disable-chunked-prefill disable-msc disable-straggler-on-startup dist-ckpt-optim-fully-reshardable
        dist-ckpt-save-pre-mcore-014 distrib-optim-fully-reshardable-mem-efficient dsa-indexer-k-norm-fp32
        dsa-indexer-rope-interleaved dsa-indexer-use-sparse-loss enable-chunked-prefill enable-experimental
        enable-ft-package enable-msc enable-one-logger eod-mask-loss exit-on-missing-checkpoint exit-signal-handler
        exit-signal-handler-for-dataloader exit-signal-handler-for-training fake-process-group fim-data finetune
        flash-decode flight-recorder-include-stack-trace fsdp-db-use-persist-buf-on-alloc-fail full-validation
        grpo-filter-groups-with-same-reward help inference-cuda-graph-all-prefills inference-disable-ep-consensus
        inference-disable-triton-nvls-kernels inference-dynamic-batching inference-dynamic-batching-prefix-caching
        inference-dynamic-batching-track-generated-token-events
        inference-dynamic-batching-track-paused-request-events inference-fuse-tp-communication
        inference-moe-disable-fused-quant-kernels inference-rng-tracker inference-text-gen-server-logging
        inference-use-synchronous-zmq-collectives inference-wandb-logging init-method-xavier-uniform
        initialize-socket-comms inprocess-empty-cuda-cache inprocess-restart is-hybrid-model
        keep-fp8-transpose-cache-when-using-custom-fsdp lazy-mpu-init legacy-tokenizer load-main-params-from-ckpt
        load-model-opt-format log-batch-size-to-tensorboard log-device-memory-used log-energy
        log-max-attention-logit log-memory-to-tensorboard log-num-zeros-in-grad log-params-norm log-progress
        log-straggler log-throughput log-timers-to-tensorboard log-validation-ppl-to-tensorboard
        log-world-size-to-tensorboard logits-load-ignore-errors manual-gc mmap-warmup mock-data
        moe-apply-probs-on-input moe-enable-routing-replay moe-hybridep-pad-uneven-dispatch-inputs
        moe-ncclep-zero-copy moe-pad-experts-for-cuda-graph-inference moe-per-layer-logging
        moe-router-force-load-balancing moe-routing-trace-capture-hidden-states moe-routing-trace-capture-logits
        moe-routing-trace-dump-weights moe-use-legacy-grouped-gemm moe-use-upcycling multiple-validation-sets
        muon-nesterov muon-use-nesterov nccl-all-reduce-for-prefill no-inference-disable-ep-consensus
        no-inference-dynamic-batching-prefix-caching no-inference-text-gen-server-logging
        no-inference-use-synchronous-zmq-collectives no-inference-wandb-logging no-load-optim no-load-rng
        no-persist-layer-norm no-rl-inference-logprobs-is-correction no-rl-offload-inference-model-weights-when-idle
        no-rl-partial-rollouts no-rl-persist-cuda-graphs no-rl-skip-bos-token no-rl-training-cuda-graphs
        no-rl-use-sequence-packing no-rl-verify-model-weights-swap no-save-optim no-save-rng nvtx-ranges
        one-logger-async openai-gelu otel-enabled output-bert-embeddings overlap-p2p-communication
        override-lr-scheduler override-opt-param-scheduler override-opt_param-scheduler profile
        pytorch-profiler-collect-callstack pytorch-profiler-collect-chakra pytorch-profiler-collect-shapes qk-clip
        record-memory-history record-shapes renormalize-blend-weights replication reset-position-ids
        retriever-score-scaling retro-return-doc-ids rl-durable-rollout-bank rl-inference-logprobs-is-correction
        rl-offload-inference-model-weights-when-idle rl-offload-optimizer-during-inference rl-partial-rollouts
        rl-persist-cuda-graphs rl-profile rl-skip-bos-token rl-training-cuda-graphs rl-use-sequence-packing
        rl-verify-model-weights-swap rotary-interleaved run-workload-inspector-server skip-train te-rng-tracker
        test-mode tokenizer-hf-include-special-tokens tokenizer-hf-no-include-special-tokens
        tokenizer-hf-no-use-fast tokenizer-hf-use-fast tokenizer-sentencepiece-legacy trust-remote-code
        use-checkpoint-args use-checkpoint-lr-scheduler use-checkpoint-opt-param-scheduler
        use-checkpoint-opt_param-scheduler use-cpu-initialization use-dist-ckpt use-gigatoken
        use-legacy-static-engine use-mcore-models use-mp-args-from-checkpoint-args use-one-sent-docs
        use-persistent-ckpt-worker use-pytorch-profiler use-rope-scaling use-torch-optimizer-for-cpu-offload
        verify-integrity yarn-correction-range-round-to-int
    """,
    "OFF": """
        bert-no-binary-head disable-align-grad-reduce disable-ckpt-load-validate-sharding-integrity
        disable-clone-scatter-output-in-embedding disable-dsa-indexer-rotate-activation
        disable-dsa-indexer-scoring-relu disable-flight-recorder-dump-on-timeout
        disable-flight-recorder-extra-dump-on-exec disable-flight-recorder-include-only-active disable-fp8-wgrad
        disable-gloo-process-groups disable-log-loss-scale-to-tensorboard disable-manual-gc-eval
        disable-pad-vocab-size disable-save-tokenizer-assets disable-strict-fsdp-dtensor-load
        disable-tokenizer-sentencepiece-ignore-extra-whitespaces disable-tp-comm-bulk-dgrad
        disable-tp-comm-bulk-wgrad disable-tp-comm-overlap-ag disable-tp-comm-overlap-rs disable-tp-comm-split-ag
        disable-tp-comm-split-rs disable-use-tokenizer-model-from-checkpoint-args muon-no-split-qkv
        no-async-tensor-model-parallel-allreduce no-barrier-with-level-1-timing no-check-for-nan-in-loss-and-grad
        no-ckpt-fully-parallel-save no-ckpt-load-validate-sharding-integrity no-clone-scatter-output-in-embedding
        no-contiguous-buffers-in-local-ddp no-data-sharding
        no-delay-grad-reduce no-dsa-indexer-rotate-activation no-dsa-indexer-scoring-relu
        no-flight-recorder-dump-on-timeout no-flight-recorder-extra-dump-on-exec
        no-flight-recorder-include-only-active no-gradient-reduce-div-fusion no-initialization
        no-log-learnig-rate-to-tensorboard no-log-loss-scale-to-tensorboard no-manual-gc-eval no-mmap-bin-files
        no-one-logger no-pad-vocab-size no-pin-cpu-grads no-pin-cpu-params no-query-key-layer-scaling
        no-save-tokenizer-assets no-scatter-gather-tensors-in-pipeline no-strict-fsdp-dtensor-load
        no-tokenizer-sentencepiece-ignore-extra-whitespaces no-use-tokenizer-model-from-checkpoint-args
        no-yarn-correction-range-round-to-int retro-no-verify-neighbor-count use-same-sampling-seed-across-dp-ranks
    """,
    "INTEGER": """
        adlr-autoresume-interval async-ckpt-cpu-priority async-ckpt-io-priority batch-size biencoder-projection-dim
        check-weight-hash-across-dp-replicas-interval ckpt-step cuda-graph-warmup-steps dino-bottleneck-size
        dino-head-hidden-size dino-local-crops-number dino-local-img-size dino-warmup-teacher-temp-epochs
        dist-ckpt-workers distributed-timeout-minutes distributed-timeout-seconds-after-init
        dsa-indexer-skip-topk-offset dsa-indexer-topk-freq error-injection-rate eval-global-batch-size eval-interval
        eval-iters eval-micro-batch-size exit-duration-in-mins exit-interval fault-injector-delay-start-iteration
        fault-injector-num-ranks fault-injector-seed flight-recorder-trace-buffer-size fp8-amax-history-len
        fp8-interval fp8-margin ft-num-warmup-iters gdp-num-chunk-states-to-recompute gpu-sniff-test-interval
        grpo-group-size grpo-iterations grpo-prompts-per-step hysteresis ict-head-size img-dim img-h img-w
        indexer-batch-size indexer-log-interval inference-batch-times-seqlen-threshold inference-coordinator-port
        inference-cuda-graph-max-tokens inference-dynamic-batching-block-size inference-dynamic-batching-chunk-size
        inference-dynamic-batching-cuda-graph-max-tokens inference-dynamic-batching-cuda-graph-mixed-prefill-count
        inference-dynamic-batching-max-requests inference-dynamic-batching-max-requests-override
        inference-dynamic-batching-max-tokens inference-dynamic-batching-max-tokens-override
        inference-dynamic-batching-num-cuda-graphs inference-dynamic-batching-unified-memory-level
        inference-logging-step-interval inference-max-batch-size inference-max-requests inference-max-seq-length
        inference-wandb-logging-step-interval inprocess-active-world-size inprocess-max-iterations iter-per-epoch
        local-rank local_rank log-interval log-memory-interval logging-level logits-load-decode-threads
        logits-load-msc-prefetch-depth logits-load-prefetch-factor logits-save-top-k logits-save-top-p-min-k
        lr-decay-iters lr-decay-samples lr-warmup-iters lr-warmup-samples lr-wsd-decay-iters lr-wsd-decay-samples
        manual-gc-interval max-tokens-to-oom mhc-recompute-layer-num mhc-sinkhorn-iterations mlp-chunks-for-prefill
        model-parallel-size moe-hybridep-num-blocks-permute moe-hybridep-num-blocks-unpermute
        moe-hybridep-num-sms-preprocessing moe-mlp-glu-interleave-size moe-paged-stash-page-size
        moe-router-group-topk moe-router-num-groups moe-routing-trace-max-training-iters
        moe-shared-expert-glu-interleave-size moe-upcycling-granularity mup-base-hidden-size
        non-persistent-save-interval null-tokenizer-eod-id null-tokenizer-pad-id num-channels num-classes
        num-dataset-builder-threads num-speculative-tokens num-workers override-ckpt-iteration patch-dim
        persistent-save-interval profile-step-end profile-step-start relative-attention-max-distance
        relative-attention-num-buckets replication-factor replication-jump retriever-seq-length
        retro-cyclic-train-iters retro-encoder-layers retro-num-neighbors retro-num-retrieved-chunks
        rl-default-top-k rl-generation-batch-size rl-inference-expert-model-parallel-size
        rl-inference-expert-tensor-model-parallel-size rl-inference-model-unified-memory-level
        rl-inference-pipeline-model-parallel-size rl-inference-tensor-model-parallel-size rl-max-inflight-requests
        rl-num-parallel-generation-batches rl-num-parallel-generations rl-parallel-generation-tasks
        rl-prompts-per-eval rl-rollout-bank-max-bytes rl-sequence-packing-bin-size
        rl-sequence-packing-max-sequences-per-bin rotary-base rotary-seq-len-interpolation-factor
        save-activations-interval save-dgrads-interval save-interval save-params-interval save-retain-interval
        save-tokens-per-expert-interval save-wgrads-interval seed start-eval-at-iter straggler-ctrlr-port
        straggler-minmax-count tensorboard-log-interval tensorboard-queue-size tiktoken-num-special-tokens
        timing-log-level train-iters train-samples train-sync-interval warmup wgrad-deferral-limit
        yarn-original-max-position-embeddings
    """,
    "NUMBER": """
        activation-func-clamp-value adam-beta1 adam-beta2 adam-eps classes-fraction clip-grad
        data-per-class-fraction decoupled-lr decoupled-min-lr dino-freeze-last-layer dino-teacher-temp
        dino-warmup-teacher-temp dsa-indexer-k-norm-epsilon dsa-indexer-loss-coeff embedding-init-method-std
        end-weight-decay fault-injector-fault-delay fault-injector-mtti-seconds fault-injector-offset-seconds
        fim-fragment-rate fim-rate fim-spm-rate glu-linear-offset grpo-clamp-eps-lower grpo-clamp-eps-upper
        grpo-default-temperature grpo-default-top-p grpo-entropy-term-weight grpo-kl-beta head-lr-mult
        inference-dynamic-batching-buffer-guaranteed-fraction inference-dynamic-batching-buffer-overflow-factor
        inference-dynamic-batching-buffer-size-gb inference-dynamic-batching-mamba-memory-ratio
        inference-dynamic-batching-paused-buffer-size-gb inference-dynamic-batching-prefix-caching-mamba-gb
        inference-dynamic-batching-prefix-caching-routing-alpha init-method-std initial-loss-scale
        inprocess-barrier-timeout inprocess-completion-timeout inprocess-hard-timeout inprocess-heartbeat-interval
        inprocess-heartbeat-timeout inprocess-last-call-wait inprocess-monitor-process-interval
        inprocess-monitor-thread-interval inprocess-progress-watchdog-interval inprocess-soft-timeout
        inprocess-termination-grace-time layernorm-epsilon lion-beta1 lion-beta2 logits-load-kd-loss-alpha
        logits-save-top-p loss-scale loss-scale-window lr lr-warmup-fraction lr-warmup-init mask-factor mask-prob
        mhc-init-gating-factor mid-level-dataset-surplus min-loss-scale min-lr moe-input-jitter-eps
        moe-paged-stash-buffer-size-factor-cpu moe-paged-stash-buffer-size-factor-cuda moe-router-bias-update-rate
        moe-router-force-biased moe-router-quantile-balancing-ema moe-router-topk-scaling-factor moe-z-loss-coeff
        mscale mscale-all-dim mtp-loss-scaling-factor muon-extra-scale-factor muon-momentum mup-attn-scale-power
        mup-base-head-dim mup-embedding-mult mup-output-mult mup-width-mult norm-epsilon qk-clip-alpha
        qk-clip-threshold query-in-block-prob retro-attention-gate retro-encoder-attention-dropout
        retro-encoder-hidden-dropout rl-default-temperature rl-default-top-p rl-generation-lag
        rl-importance-sampling-truncation-coef rope-scaling-factor rotary-percent rotary-scaling-factor sample-rate
        short-seq-prob start-weight-decay weight-decay yarn-beta-fast yarn-beta-slow
    """,
    "TEXT": """
        DDP-impl app-tag-run-name app-tag-run-version async-strategy batch-invariant-backend bert-embedder-type
        bert-load block-data-path chat-template ckpt-convert-format ckpt-convert-save ckpt-format
        ckpt-fully-parallel-load-exchange-algo ckpt-fully-parallel-load-process-group
        ckpt-fully-parallel-save-process-group ckpt-pg-tensors-cache-path config-logger-dir data-args-path
        data-cache-path data-impl dataloader-type dist-ckpt-format dist-ckpt-strictness distributed-backend
        dsa-kernel-backend dump-param-to-param-group-map embedding-path error-injection-type evidence-data-path
        exit-signal fault-injector-fault-probabilities fault-injector-fault-types fault-injector-ranks fim-eod-token
        fim-middle-token fim-no-prefix fim-pad-token fim-prefix-token fim-split-sample fim-suffix-token
        flight-recorder-dump-path fp8-amax-compute-algo ict-load inference-cuda-graph-scope
        inference-dynamic-batching-async-sched-mode inference-dynamic-batching-cuda-graph-sizing-distribution
        inference-dynamic-batching-logprobs-mode inference-dynamic-batching-prefix-caching-coordinator-policy
        inference-dynamic-batching-prefix-caching-eviction-policy inference-dynamic-batching-sampling-backend
        inference-grouped-gemm-backend inference-moe-token-dispatcher-type inference-shards inprocess-granularity
        kitchen-attention-backend langrl-env-config langrl-external-server
        langrl-inference-server-conversation-template langrl-inference-server-type load logits-save-dir
        logits-save-dtype lr-decay-style lr-wsd-decay-style mamba-inference-conv-states-dtype
        mamba-inference-ssm-states-dtype mask-type memory-snapshot-path merge-file
        moe-routing-trace-path moe-token-drop-policy muon-coefficient-type muon-fp32-matmul-prec muon-scale-mode
        nccl-communicator-config-path no-weight-decay-cond-type non-persistent-ckpt-type
        non-persistent-global-ckpt-dir non-persistent-local-ckpt-algo non-persistent-local-ckpt-dir
        object-storage-cache-path one-logger-entity one-logger-project one-logger-run-name onnx-safe
        otel-service-name otel-span-groups per-dataset-sequences-path per-split-data-args-path
        phase-transition-iterations pretrained-checkpoint refit-method rerun-mode result-rejected-tracker-filename
        retro-project-dir retro-workdir rl-calculate-intra-group-similarity rl-consumption-granularity
        rl-kv-cache-management-mode rl-offload-kv-cache-during-training rl-profile-dir
        rl-remove-kv-cache-during-training rl-reset-cuda-graphs rl-rollout-bank-dir rl-sequence-packing-algo
        rl-submission-granularity rope-type s3-cache-path save sft-tokenizer-prompt-format sharp-enabled-group split
        swin-backbone-type tensorboard-dir tiktoken-pattern timing-log-option titles-data-path tokenizer-metadata
        tokenizer-model tp-comm-bootstrap-backend vision-backbone-type vision-pretraining-type vocab-file
        wandb-entity wandb-exp-name wandb-project wandb-save-dir weight-decay-incr-style
    """,
    "INTEGERS": """
        iterations-to-skip mrope-section profile-ranks retriever-report-topk-accuracies
    """,
    "TEXTS": """
        data-path gtp-remat-opt-in-modules rl-inference-parsers test-data-path tiktoken-special-tokens
        tokenizer-special-tokens train-data-path valid-data-path validation-set-names
    """,
}
"""They bear on nothing that is weighed: logging, data, checkpoints, learning rates, inference, other programs."""
