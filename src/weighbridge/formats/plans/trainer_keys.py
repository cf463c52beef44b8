"""The keys of Hugging Face's TrainingArguments, and what becomes of each.

Read in transformers/training_args.py (5.23, and older names since 4.0) and in TRL's SFTConfig, which adds the lengths.
"""

from __future__ import annotations

from weighbridge.formats.plans.table import Keys

KEYS: Keys = {
    "": {
        "read": """
            per_device_train_batch_size per_gpu_train_batch_size gradient_accumulation_steps bf16 fp16
            gradient_checkpointing activation_checkpointing optim adafactor deepspeed fsdp torch_compile
            max_seq_length max_length max_seq_len model_max_length block_size attn_implementation
            _attn_implementation use_liger_kernel use_liger torch_dtype dtype model_name_or_path model
            _name_or_path model_id
        """,
        "memory": """
            optim_target_modules torch_empty_cache_steps auto_find_batch_size neftune_noise_alpha ddp_bucket_cap_mb=25
            use_cache packing padding_free use_peft lora_r lora_alpha lora_target_modules load_in_4bit load_in_8bit
            activation_offloading use_cpu no_cuda torchdynamo ray_scope=last sharded_ddp fp16_opt_level=O1
            half_precision_backend=auto fp16_backend=auto galore ref_model precompute_ref_log_probs
        """,
        "time": "torch_compile_mode torch_compile_backend=inductor ddp_static_graph dispatch_batches split_batches",
        "nothing": """
            output_dir overwrite_output_dir do_train do_eval do_predict num_train_epochs max_steps learning_rate
            lr_scheduler_type lr_scheduler_kwargs warmup_steps warmup_ratio weight_decay adam_beta1 adam_beta2
            adam_epsilon optim_args max_grad_norm label_smoothing_factor average_tokens_across_devices bf16_full_eval
            fp16_full_eval tf32 logging_dir logging_strategy logging_steps logging_first_step log_on_each_node
            logging_nan_inf_filter include_num_input_tokens_seen include_tokens_per_second log_level log_level_replica
            disable_tqdm report_to run_name project trackio_space_id trackio_bucket_id trackio_static_space_id
            eval_strategy evaluation_strategy evaluate_during_training eval_steps eval_delay per_device_eval_batch_size
            per_gpu_eval_batch_size prediction_loss_only eval_on_start eval_do_concat_batches eval_use_gather_object
            eval_accumulation_steps include_for_metrics include_inputs_for_metrics batch_eval_metrics save_only_model
            save_strategy save_steps save_on_each_node save_total_limit save_safetensors enable_jit_checkpoint
            push_to_hub push_to_hub_model_id push_to_hub_organization push_to_hub_token hub_token hub_private_repo
            hub_model_id hub_strategy hub_always_push hub_revision load_best_model_at_end metric_for_best_model
            greater_is_better ignore_data_skip restore_callback_states_from_checkpoint full_determinism seed data_seed
            jit_mode_eval use_ipex use_mps_device accelerator_config dataloader_drop_last dataloader_num_workers
            dataloader_pin_memory dataloader_persistent_workers dataloader_prefetch_factor
            dataloader_multiprocessing_context dataloader_in_order remove_unused_columns label_names group_by_length
            train_sampling_strategy length_column_name ddp_find_unused_parameters ddp_broadcast_buffers ddp_backend
            ddp_timeout past_index mp_parameters fp16_skip_metrics debug skip_memory_metrics resume_from_checkpoint
            local_rank local_process_index process_index n_gpu _n_gpu xpu_backend tpu_metrics_debug tpu_num_cores
            gradient_checkpointing_kwargs activation_checkpointing_kwargs fsdp_min_num_params use_legacy_prediction_loop
            dataset_text_field dataset_kwargs dataset_num_proc dataset_batch_size num_of_sequences chars_per_token
            formatting_func eos_token pad_token eval_packing completion_only_loss assistant_only_loss
            chat_template_path pad_to_multiple_of packing_strategy loss_type shuffle_dataset transformers_version
            dataset_name dataset_config dataset_train_split tokenizer_name cache_dir model_revision trust_remote_code
            model_adapter_name ref_adapter_name _class_name parallelism_plugin fsdp_transformer_layer_cls_to_wrap
        """,
    },
    "model_init_kwargs": {
        "read": "torch_dtype dtype attn_implementation",
        "memory": "quantization_config use_cache",
        "nothing": "trust_remote_code revision device_map low_cpu_mem_usage",
    },
    "liger_kernel_config": {
        "read": "rope swiglu cross_entropy fused_linear_cross_entropy rms_norm",
        "nothing": "geglu layer_norm",
    },
    "parallelism_config": {
        "read": "dp_replicate_size dp_shard_size tp_size cp_size sp_size",
        "nothing": "tp_handler cp_handler sp_handler sp_backend cp_backend",
    },
    "fsdp_config": {
        "read": """
            reshard_after_forward fsdp_reshard_after_forward sharding_strategy
            fsdp_sharding_strategy cpu_offload fsdp_cpu_offload offload_params fsdp_offload_params
            activation_checkpointing fsdp_activation_checkpointing
        """,
        "memory": """
            forward_prefetch fsdp_forward_prefetch limit_all_gathers=true fsdp_limit_all_gathers=true
            use_orig_params=true fsdp_use_orig_params=true min_num_params=0 fsdp_min_num_params=0
            xla xla_fsdp_grad_ckpt xla_fsdp_v2
        """,
        "time": "backward_prefetch=backward_pre fsdp_backward_prefetch=BACKWARD_PRE",
        "nothing": """
            auto_wrap_policy fsdp_auto_wrap_policy transformer_layer_cls_to_wrap fsdp_transformer_layer_cls_to_wrap
            version fsdp_version
            state_dict_type fsdp_state_dict_type sync_module_states fsdp_sync_module_states
            cpu_ram_efficient_loading
            fsdp_cpu_ram_efficient_loading xla_fsdp_settings
        """,
    },
}
"""Sections and keys; those of ``fsdp_config`` may begin with ``fsdp_``."""
