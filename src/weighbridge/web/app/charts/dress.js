// What all pictures have in common: the page's font and inks, tooltips drawn on the canvas, calm motion.
import { styled } from './colours.js';

/** An option of ECharts with the page's looks. @param {any} option */
export function dressed(option) {
  const ink = styled('--ink');
  const soft = styled('--soft');
  const line = styled('--line');
  const axis = {
    axisLine: { lineStyle: { color: line } },
    axisLabel: { color: soft },
    nameTextStyle: { color: soft },
    splitLine: { lineStyle: { color: line } },
  };
  const calm = !matchMedia('(prefers-reduced-motion: reduce)').matches;
  const worn = (/** @type {any} */ one) => ({ ...axis, ...one, axisLabel: { ...axis.axisLabel, ...one.axisLabel }, nameTextStyle: { ...axis.nameTextStyle, ...one.nameTextStyle }, splitLine: { ...axis.splitLine, ...one.splitLine } });
  const over = (/** @type {any} */ one) => (Array.isArray(one) ? one.map(worn) : worn(one));
  return {
    ...option,
    backgroundColor: 'transparent',
    animation: calm,
    animationDuration: 250,
    animationDurationUpdate: 250,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily.replaceAll('"', "'"), color: ink }, // stands in attributes of SVG
    tooltip: {
      renderMode: 'richText',
      backgroundColor: styled('--paper'),
      borderColor: line,
      textStyle: { color: ink },
      ...option.tooltip,
    },
    ...(option.legend && { legend: { textStyle: { color: ink }, ...option.legend } }),
    ...(option.xAxis && { xAxis: over(option.xAxis) }),
    ...(option.yAxis && { yAxis: over(option.yAxis) }),
  };
}
