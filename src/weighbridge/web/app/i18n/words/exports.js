// Words of what can be taken along.
/** @type {Record<string, [string, string, string]>} */
export default {
  'exports.title': ['Take it along', '导出', '匯出'],
  'exports.report': ['Save a report (HTML)', '存为报告（HTML）', '存為報告（HTML）'],
  'exports.json': ['Save as JSON', '存为 JSON', '存為 JSON'],
  'exports.print': ['Print', '打印', '列印'],
  'exports.hint': ['The report is one file that works offline: figures, pictures, formulas, the link to come back. Tables and pictures are saved by the buttons beside them.', '报告是一个可离线打开的文件，含数字、图、公式与返回此页的链接。各表与各图可用其旁的按钮保存。', '報告是一個可離線開啟的檔案，含數字、圖、公式與返回此頁的連結。各表與各圖可用其旁的按鈕儲存。'],
  'exports.command': ['The command line prints the same JSON:', '命令行会打印相同的 JSON：', '命令列會印出相同的 JSON：'],
  'exports.settling': ['Waiting for the last figures', '等待其余结果', '等待其餘結果'],
  'exports.writing': ['Formula {done} of {all}', '公式 {done}/{all}', '公式 {done}/{all}'],
  'exports.written': ['Saved: {file}', '已保存：{file}', '已儲存：{file}'],
  'exports.failed': ['It could not be saved: {error}', '无法保存：{error}', '無法儲存：{error}'],
  'report.formulas': ['How the figures are worked out', '各数字的计算过程', '各數字的計算過程'],
  'report.again': ['To come to the same answer', '如何得到相同结果', '如何得到相同結果'],
  'report.link': ['On the page:', '页面链接：', '頁面連結：'],
  'report.command': ['On the command line:', '命令行：', '命令列：'],
  'report.version': ['Weighbridge {version}, run by Python in a browser. Error bands and sources stand beside the figures above.', 'Weighbridge {version}，由浏览器中的 Python 计算。误差范围与出处见上文各数字旁。', 'Weighbridge {version}，由瀏覽器中的 Python 計算。誤差範圍與出處見上文各數字旁。'],
  'report.version.service': ['Weighbridge {version}, answered by a service. Error bands and sources stand beside the figures above.', 'Weighbridge {version}，由服务计算。误差范围与出处见上文各数字旁。', 'Weighbridge {version}，由服務計算。誤差範圍與出處見上文各數字旁。'],
};
