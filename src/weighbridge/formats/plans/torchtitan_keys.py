"""The keys of torchtitan's TOML configuration, and what becomes of each.

Read in torchtitan/config/job_config.py up to its last version (9810191b made it Python in February 2026), in
torchtitan/config_manager.py before July 2025, and in their earlier versions since 2024.
"""

from __future__ import annotations

from weighbridge.formats.plans.table import Keys

_FLOAT8 = {
    "read": "enable_float8_linear recipe_name enable_fsdp_float8_all_gather",
    "memory": "moe_fqns_prototype moe_fqns",
    "nothing": """
        precompute_float8_dynamic_scale_for_fsdp force_recompute_fp8_weight_in_bwd filter_fqns emulate
        scaling_type_input scaling_type_weight scaling_type_grad_output
    """,
}
_MX = {
    "read": "recipe_name",
    "memory": "moe_fqns_prototype moe_fqns",
    "nothing": "mxfp8_dim1_cast_kernel_choice use_fp8_dim1_cast_triton_kernel filter_fqns",
}

KEYS: Keys = {
    "": {
        "memory": "",
        "nothing": "job profiling metrics lr_scheduler checkpoint comm validation profiler logging data",
    },
    "model": {
        "read": "name flavor converters",
        "nothing": "hf_assets_path tokenizer_path print_after_conversion norm_type use_flex_attn attn_mask_type",
    },
    "optimizer": {
        "read": "name",
        "memory": "early_step_in_backward",
        "nothing": "lr beta1 beta2 eps weight_decay implementation fused",
    },
    "training": {
        "read": """
            local_batch_size batch_size global_batch_size seq_len dtype mixed_precision_param mixed_precision_reduce
            enable_cpu_offload compile tensor_parallel_degree pipeline_parallel_degree data_parallel_degree
            data_parallel_replicate_degree data_parallel_shard_degree fsdp_reshard_after_forward disable_loss_parallel
            enable_float8_linear enable_fsdp_float8_all_gather sequence_parallel_degree
        """,
        "nothing": """
            dataset dataset_path max_norm steps gc_freq gc_debug seed deterministic warmup_steps dataloader
            precompute_float8_dynamic_scale_for_fsdp fp8_linear float8_scaling_type_input float8_scaling_type_weight
            float8_scaling_type_grad_output data_parallel_type enable_loss_parallel debug_moe_force_load_balance
            checkpoint_interval checkpoint_interval_type checkpoint_folder enable_selective_ac metrics_freq
        """,
    },
    "parallelism": {
        "read": """
            data_parallel_replicate_degree data_parallel_shard_degree fsdp_reshard_after_forward tensor_parallel_degree
            disable_loss_parallel enable_async_tensor_parallel pipeline_parallel_degree pipeline_parallel_schedule
            pipeline_parallel_microbatch_size pipeline_parallel_microbatches pipeline_parallel_layers_per_stage
            pipeline_parallel_split_points module_fqns_per_model_part context_parallel_degree expert_parallel_degree
            pipeline_parallel_first_stage_less_layers pipeline_parallel_last_stage_less_layers
            expert_tensor_parallel_degree
        """,
        "memory": """
            pipeline_parallel_schedule_csv enable_compiled_autograd expert_parallel_comm_backend=standard
            context_parallel_rotate_method=allgather
        """,
        "nothing": "context_parallel_load_balancer pipeline_parallel_expert_parallel_overlap",
    },
    "experimental": {
        "read": """
            context_parallel_degree enable_async_tensor_parallel pipeline_parallel_degree pipeline_parallel_schedule
            pipeline_parallel_microbatches pipeline_parallel_split_points
        """,
        "memory": "pipeline_parallel_schedule_csv enable_compiled_autograd context_parallel_rotate_method=allgather",
        "nothing": "custom_args_module custom_import custom_model_path pipeline_parallel_split_mode",
    },
    "activation_checkpoint": {
        "read": "mode selective_ac_option memory_budget",
        "nothing": """
            per_op_sac_force_recompute_mm_shapes_by_fqns early_stop visualize_memory_budget_pareto preserve_rng_state
            determinism_check debug
        """,
    },
    "compile": {"read": "enable components", "nothing": "backend"},
    "float8": _FLOAT8,
    "mx": _MX,
    "quantize": {"nothing": ""},
    "quantize.linear": {"nothing": ""},
    "quantize.linear.float8": _FLOAT8,
    "quantize.linear.mx": _MX,
    "quantize.dense": {"nothing": ""},
    "quantize.dense.float8": _FLOAT8,
    "quantize.dense.mx": _MX,
    "quantize.grouped_mm": {"nothing": ""},
    "quantize.grouped_mm.float8": {"memory": "fqns"},
    "quantize.grouped_mm.mx": {"memory": "fqns", "nothing": "recipe_name"},
    "quantize.moe": {"memory": "float8 mx"},
    "memory_estimation": {"nothing": "enable enabled disable_fake_mode"},
    "fault_tolerance": {
        "memory": "semi_sync_method",
        "nothing": """
            enable process_group process_group_timeout_ms replica_id group_size min_replica_size sync_steps
            should_quantize num_fragments fragment_sync_delay fragment_update_alpha
        """,
    },
    "debug": {"nothing": "seed deterministic deterministic_warn_only moe_force_load_balance"},
}
"""Sections and keys; those of ``experimental`` and ``training`` that moved are read where they stood."""

MODELS: dict[tuple[str, str], str] = {
    ("llama3", "8b"): "llama-3.1-8b",
    ("llama3", "70b"): "llama-3.1-70b",
    ("llama3", "405b"): "llama-3.1-405b",
    ("llama2", "7b"): "llama-2-7b",
    ("llama2", "13b"): "llama-2-13b",
    ("llama2", "70b"): "llama-2-70b",
    ("deepseek_v3", "16b"): "deepseek-v2-lite",
    ("deepseek_v3", "236b"): "deepseek-v2",
    ("deepseek_v3", "671b"): "deepseek-v3",
    ("gpt_oss", "20b"): "gpt-oss-20b",
    ("gpt_oss", "120b"): "gpt-oss-120b",
    **{("llama", size): f"llama-2-{size}" for size in ("7b", "13b", "70b")},
    **{("qwen3", size): f"qwen3-{size}" for size in ("0.6b", "1.7b", "4b", "8b", "14b", "32b", "30b-a3b", "235b-a22b")},
}
"""torchtitan's flavors (torchtitan/models/*/__init__.py) by the catalogue's names."""

NAMED = {model: key for key, model in MODELS.items() if key[0] != "llama"}
"""The catalogue's names by torchtitan's."""
