"""Questions that the description shows; a test asks each of them."""

from __future__ import annotations

from typing import Any

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
}

EXAMPLES: dict[str, dict[str, dict[str, Any]]] = {
    "params": {
        "a model of the catalogue": {"model": "llama-3.1-8b"},
        "fields of a configuration, with formulas": {"model": LLAMA, "with": ["explain"]},
    },
    "flops": {"a sequence": {"model": "deepseek-v3", "options": {"seq": 4096}}},
    "train": {
        "one server": {"model": "llama-3.1-8b", "options": {"cluster": "8xH100", "tp": 2, "recompute": "full"}},
        "a pipeline, with its timeline": {
            "model": "llama-3.1-70b",
            "options": {"cluster": "64xH100", "tp": 8, "pp": 4, "global_batch": 128},
            "with": ["timeline"],
        },
    },
    "megatron": {
        "arguments": {
            "words": "--num-layers 32 --hidden-size 4096 --num-attention-heads 32 --seq-length 4096 "
            "--max-position-embeddings 4096 --micro-batch-size 1 --vocab-size 32000",
            "options": {"world_size": 8},
        }
    },
    "infer": {
        "a server": {"model": "llama-3.1-8b", "options": {"cluster": "H100", "prompt": 1024, "output": 256}},
        "users": {"model": "llama-3.1-8b", "options": {"cluster": "H100"}, "with": ["users"]},
    },
    "local": {"one's own card": {"model": "llama-3.1-8b", "options": {"on": ["RTX-4090"], "gguf": "Q4_K_M,Q8_0"}}},
    "scaling": {"a budget": {"options": {"compute": "5.76e23"}, "with": ["curves"]}},
    "laws": {"all of them": {}},
    "compare": {"two models": {"models": ["llama-3.1-8b", "mixtral-8x7b"]}},
    "models": {"by a word": {"words": ["qwen"]}},
    "clusters": {"one device": {"words": ["h100"]}},
}
