/** @type {Record<string, [string, string, string]>} */
export default {
  'stored.files': ['In the files', '文件中的权重', '檔案中的權重'],
  'stored.tensors.csv': ['Save {count} tensors as CSV', '将 {count} 个张量存为 CSV', '將 {count} 個張量存為 CSV'],
  'stored.sum': ['{bytes} bytes ({size}) for {parameters} parameters: {bits} bits each. {form}, files: {files}.', '{parameters} 个参数共 {bytes} 字节（{size}），每个 {bits} 位。{form}，文件数：{files}。', '{parameters} 個參數共 {bytes} 位元組（{size}），每個 {bits} 位元。{form}，檔案數：{files}。'],
  'stored.exact': ['Every tensor is there, with the shape that the architecture gives it.', '所有张量齐全，形状与架构一致。', '所有張量齊全，形狀與架構一致。'],
  'stored.differs': ['The files and the architecture differ.', '文件与架构不一致。', '檔案與架構不一致。'],
  'stored.differ.missing': ['missing: {name}', '缺少：{name}', '缺少：{name}'],
  'stored.differ.left_over': ['not of the architecture: {name}', '架构中没有：{name}', '架構中沒有：{name}'],
  'stored.differ.other_shape': ['of another shape: {name}', '形状不同：{name}', '形狀不同：{name}'],
  'stored.kind': ['kind of module', '模块类型', '模組類型'],
  'stored.scales': ['bytes of scales', '缩放因子字节', '縮放因子位元組'],
  'stored.checkpoint': ['The checkpoint ({method})', '检查点（{method}）', '檢查點（{method}）'],
  'stored.checkpoint.sum': ['{bytes} bytes ({size}), of which {scales} are scales.', '{bytes} 字节（{size}），其中缩放因子 {scales} 字节。', '{bytes} 位元組（{size}），其中縮放因子 {scales} 位元組。'],
  'stored.of': ['of weights: {parameters} parameters', '权重：{parameters} 个参数', '權重：{parameters} 個參數'],
};
