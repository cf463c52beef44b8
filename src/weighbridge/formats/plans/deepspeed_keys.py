"""The keys of DeepSpeed's configuration, and what becomes of each.

Read in deepspeed/runtime/config.py, constants.py, precision_config.py, zero/config.py, zero/offload_config.py,
activation_checkpointing/config.py, tensor_parallel/config.py, module_inject/auto_ep_config.py and compile/config.py,
and in releases since 2020 that had keys under other names.
"""

from __future__ import annotations

from weighbridge.formats.plans.table import Keys

KEYS: Keys = {
    "": {
        "read": """
            train_batch_size train_micro_batch_size_per_gpu gradient_accumulation_steps communication_data_type
            sequence_parallel_size zero_optimization
        """,
        "memory": """
            amp compression_training quantize_training weight_quantization sparse_attention sparse_gradients
            progressive_layer_drop data_efficiency elasticity hybrid_engine graph_harvesting fp8 curriculum_learning
            seq_parallel_communication_data_type=fp32
        """,
        "time": "prescale_gradients gradient_predivide_factor=1.0 disable_allgather",
        "nothing": """
            scheduler steps_per_print wall_clock_breakdown memory_breakdown dump_state gradient_clipping
            zero_force_ds_cpu_optimizer flops_profiler autotuning eigenvalue checkpoint aio dataloader_drop_last nebula
            monitor_config tensorboard wandb csv_monitor comet comms_logger timers vocabulary_size
            use_data_before_expert_parallelism checkpoint_engine datastates datastates_ckpt log_level fp32_allreduce
            gradient_allreduce_op managed_gradient_accumulation use_node_local_storage comms_config
            data_sampling seed debug zero_allow_untested_optimizer
        """,
    },
    "bf16": {
        "read": "enabled bf16_master_weights_and_grads bf16_optimizer_states",
        "memory": "immediate_grad_update",
        "nothing": "check_grad_overflow check_overflow loss_scale initial_scale_power loss_scale_window hysteresis"
        " min_loss_scale consecutive_hysteresis auto_cast",
    },
    "fp16": {
        "read": "enabled fp16_master_weights_and_grads",
        "nothing": "auto_cast loss_scale initial_scale_power loss_scale_window hysteresis consecutive_hysteresis"
        " min_loss_scale type",
    },
    "torch_autocast": {"read": "enabled dtype", "memory": "lower_precision_safe_modules"},
    "data_types": {"read": "grad_accum_dtype", "nothing": "param_dtype buffer_dtype"},
    "optimizer": {"read": "type", "nothing": "params legacy_fusion"},
    "zero_optimization": {
        "read": """
            stage reduce_bucket_size allgather_bucket_size cpu_offload cpu_offload_params cpu_offload_param
            mics_shard_size overlap_comm
        """,
        "memory": """
            contiguous_gradients=true sub_group_size=1e9 stage3_prefetch_bucket_size=5e7
            prefetch_bucket_size=5e7 stage3_param_persistence_threshold=1e5 param_persistence_threshold=1e5
            stage3_model_persistence_threshold=9223372036854775807 stage3_max_live_parameters=1e9
            max_live_parameters=1e9 stage3_max_reuse_distance=1e9 max_reuse_distance=1e9
            stage3_module_granularity_threshold=0 stage3_allgather_sequential zero_hpz_partition_size=1
            zero_quantized_weights zero_quantized_nontrainable_weights zeropp_loco_param
            memory_efficient_linear=true legacy_stage1 zenflow leaf_module
        """,
        "time": """
            reduce_scatter=true allgather_partitions=true use_multi_rank_bucket_allreduce=true round_robin_gradients
            zero_quantized_gradients mics_hierarchical_params_gather stage3_use_all_reduce_for_fetch_params
        """,
        "nothing": """
            load_from_fp32_weights elastic_checkpoint cpu_offload_use_pin_memory
            stage3_gather_16bit_weights_on_model_save gather_16bit_weights_on_model_save
            stage3_gather_fp16_weights_on_model_save ignore_unused_parameters pipeline_loading_checkpoint
            override_module_apply log_trace_cache_warnings enable_sanity_checks save_muon_momentum_buffer_in_memory
            grad_hooks
        """,
    },
    "zero_optimization.offload_optimizer": {
        "read": "device ratio",
        "memory": "super_offload",
        "nothing": "nvme_path buffer_count pin_memory pipeline_read pipeline_write pipeline fast_init"
        " cpuadam_cores_perc buffer_size",
    },
    "zero_optimization.offload_param": {
        "read": "device",
        "nothing": "nvme_path buffer_count buffer_size max_in_cpu pin_memory",
    },
    "activation_checkpointing": {
        "read": "partition_activations cpu_checkpointing number_checkpoints contiguous_memory_optimization",
        "nothing": "profile synchronize_checkpoint_boundary",
    },
    "pipeline": {
        "read": "stages activation_checkpoint_interval",
        "memory": "partition=best",
        "nothing": "seed_layers pipe_partitioned grad_partitioned use_reentrant",
    },
    "tensor_parallel": {
        "read": "autotp_size",
        "memory": "partition_config",
        "time": "tp_overlap_comm",
        "nothing": "dtype preset_model injection_policy_tuple keep_module_on_host replace_with_kernel_inject"
        " kernel_inject tp_grain_size",
    },
    "tensor_parallel.tp": {"read": "tp_size", "nothing": "tp_grain_size mpu tp_group"},
    "expert_parallel": {
        "read": "enabled autoep_size expert_tensor_parallel_size",
        "memory": "use_grouped_mm=true disable_triton_grouped_mm",
        "nothing": """
            validate_folding_routing preset_model moe_layer_pattern expert_pattern router_pattern route_norm route_scale
            score_apply combine_impl num_expert_groups num_limited_groups score_func top_k load_balance_coeff
            routed_scaling_factor expert_w1 expert_w2 expert_w3 num_experts_attr top_k_attr has_shared_experts
            shared_experts_pattern shared_experts_gate_pattern
        """,
    },
    "compile": {
        "memory": "deepcompile free_activation offload_activation offload_opt_states offload_parameters"
        " double_buffer=true symmetric_memory keep_all_input_tensors enabled",
        "nothing": """
            free_activation_threshold offload_activation_pin_memory debug_log sync_before_reduce sync_after_reduce
            sync_before_allgather sync_after_allgather keep_int_input_tensors passes backend kwargs
        """,
    },
}
"""Sections and keys; ``bfloat16`` is read as ``bf16``."""
