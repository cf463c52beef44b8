// What is said of models on one's own devices, in explained figures.
/** @type {import('../phrasebook.js').Row[]} */
export default [
  ['of every type, at its bits', '各类型按其位数合计', '各型別按其位元數合計'],
  ['of the whole context at once, in all layers', '一次留出整个上下文，全部层合计', '一次留出整個上下文，全部層合計'],
  ['of the layers that it has', '该设备所有的层', '該裝置所有的層'],
  ['of one device', '单个设备', '單個裝置'],
  ['of a chunk', '一块提示所需', '一塊提示所需'],
  ['of every token of a chunk, in fp32', '一块提示的全部词元，fp32', '一塊提示的全部詞元，fp32'],
  ['of one user, after an empty context', '单用户，上下文为空时', '單使用者，上下文為空時'],
  ['of one user, at the end of a full context', '单用户，上下文用满时', '單使用者，上下文用滿時'],
  ['of a prompt that fills the context, or of 32,768', '填满上下文的提示；最多 32,768 词元', '填滿上下文的提示；最多 32,768 詞元'],
  ['to read the weights that a token meets', '读取一个词元用到的权重', '讀取一個詞元用到的權重'],
  ['to read keys and values', '读取键和值', '讀取鍵和值'],
  ['of kernels beside what they read', '各内核在读取之外的时间', '各核心在讀取之外的時間'],
  ['for weights that memory does not hold', '读取内存放不下的权重', '讀取記憶體放不下的權重'],
  ['from device to device, once', '设备间传递一次', '裝置間傳遞一次'],
  ['of products of a matrix and a vector', '矩阵与向量相乘时', '矩陣與向量相乘時'],
  ['of all multiprocessors', '全部多处理器合计', '全部多處理器合計'],
  ['of k-quants, by all cores', 'k-quant 解码，全部核心合计', 'k-quant 解碼，全部運算核心合計'],
  ['got {1}; asked about: {2}{3}', '得到 {1}；所问的有：{2}{3}', '得到 {1}；所問的有：{2}{3}'],
  ['--quantisation names what --explain explains; add --explain', '--quantisation 指定 --explain 要解释的量化格式；请加 --explain', '--quantisation 指定 --explain 要解釋的量化格式；請加 --explain'],
];
