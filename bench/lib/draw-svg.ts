/** Drawing without a DOM. */
import { type EChartsCoreOption, init } from "echarts/core";

/** A chart of ECharts' as the text of an SVG. Its parts must have been given to `use` before. */
export function drawSvg(size: { readonly width: number; readonly height: number }, option: EChartsCoreOption): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, ...size });
  chart.setOption({ animation: false, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
