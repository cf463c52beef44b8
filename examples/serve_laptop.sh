# An 8 B model in 4 bits on a card of 16 GB, for one person with long questions.
weighbridge infer qwen3-8b --cluster rtx-4060-ti --quant awq --kv fp8 --batch 1 --prompt 8192 --output 512
