// Names of fields, and what they mean. The English help is the command line's own; here stand its translations.
/** @type {Record<string, [string, string, string]>} */
export default {
  'field.dtype': ['Data type', '数据类型', '資料型別'],
  'field.router_dtype': ['Data type of routers', '路由器数据类型', '路由器資料型別'],
  'help.params.dtype': ["Data type of the weights; by default the configuration's, else bf16.", '权重的数据类型；默认取配置中的类型，否则为 bf16。', '權重的資料型別；預設取設定中的型別，否則為 bf16。'],
  'help.params.router_dtype': ['Data type of router weights; by default that of the others.', '路由器权重的数据类型；默认与其他权重相同。', '路由器權重的資料型別；預設與其他權重相同。'],
};
