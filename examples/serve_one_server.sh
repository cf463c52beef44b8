# A 70 B model on one server of eight H100: how many users, how fast, at what price. Then the command that starts it.
weighbridge infer llama-3.1-70b --cluster 8xH100 --prompt 4096 --output 512 --batch 64 --chart
weighbridge infer llama-3.1-70b --cluster 8xH100 --prompt 4096 --output 512 --batch 64 --emit vllm
