/** @type {Record<string, [string, string, string]>} */
export default {
  'drawer.title': ['How it is worked out', '计算过程', '計算過程'],
  'drawer.close': ['Close', '关闭', '關閉'],
  'drawer.copy': ['Copy as LaTeX', '复制为 LaTeX', '複製為 LaTeX'],
  'drawer.copied': ['Copied', '已复制', '已複製'],
  'drawer.none': ['This figure is not part of the answer any more.', '结果中不再有这个数字。', '結果中不再有這個數字。'],
  'drawer.source': ['Source', '出处', '出處'],
  'drawer.hint': ['Click any underlined figure to see its formula.', '点击任何带下划线的数字即可查看公式。', '點擊任何帶底線的數字即可查看公式。'],
};
