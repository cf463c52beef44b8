# DeepSeek-V3 in fp8 over two servers: attention in replicas, experts over all 16 GPUs.
weighbridge infer deepseek-v3 --cluster 2x8xH200 --quant fp8-block --tp 4 --dp 4 --ep 16 --prompt 4096 --output 1024 --batch 256
weighbridge infer deepseek-v3 --cluster 2x8xH200 --quant fp8-block --tp 4 --dp 4 --ep 16 --prompt 4096 --output 1024 --batch 256 --emit sglang
