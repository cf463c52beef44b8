/** @type {Record<string, [string, string, string]>} */
export default {
  'group.model': ['Model', '模型', '模型'],
  'group.weights': ['Weights', '权重', '權重'],
  'controls.default': ['by default', '默认', '預設'],
  'controls.range': ['{low} to {high}', '{low} 至 {high}', '{low} 至 {high}'],
  'controls.from': ['from {low}', '不小于 {low}', '不小於 {low}'],
  'controls.yes': ['yes', '是', '是'],
  'controls.no': ['no', '否', '否'],
  'copy.failed': ['It could not be copied', '无法复制', '無法複製'],
  'table.csv': ['Save as CSV', '存为 CSV', '存為 CSV'],
  'table.sort': ['Sort by {column}', '按{column}排序', '按{column}排序'],
  'table.open': ['Open {name}', '展开 {name}', '展開 {name}'],
  'table.close': ['Close {name}', '折叠 {name}', '摺疊 {name}'],
  'table.open.all': ['Open all', '全部展开', '全部展開'],
  'table.close.all': ['Close all', '全部折叠', '全部摺疊'],
  'chart.svg': ['Save as SVG', '存为 SVG', '存為 SVG'],
  'chart.png': ['Save as PNG', '存为 PNG', '存為 PNG'],
};
