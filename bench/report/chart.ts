/**
 * The charts: one SVG for a group, with a panel for each job. Horizontal bars of medians with whiskers from the first to
 * the third quartile, their values beside them, and the floor as a dashed line. Made by ECharts without a DOM. The same
 * results give the same bytes.
 */

import { BarChart, CustomChart } from "echarts/charts";
import { GridComponent, TitleComponent } from "echarts/components";
import { use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { drawSvg } from "../lib/draw-svg.ts";
import type { SubjectInfo } from "../lib/results.ts";
import { describeGroup } from "./chart-text.ts";
import type { Group } from "./groups.ts";
import { INK, marksOf, type Panel, panelOf } from "./panel.ts";

use([BarChart, CustomChart, GridComponent, TitleComponent, SVGRenderer]);

const WIDTH = 860;
/** Space for names on the left, and for values on the right. */
const LEFT = 170;
const RIGHT = 190;
/** Within a panel: titles, the floor's label, a bar with its gap, the axis. */
const TITLES_HEIGHT = 70;
const ROW_HEIGHT = 26;
const AXIS_HEIGHT = 44;
const MARGIN = 16;
const FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif";

/** The chart of a group, as the text of an SVG file. */
export function chartOf(group: Group, subjects: readonly SubjectInfo[]): string {
  const panels = group.jobs.map((job) => panelOf(job, subjects));
  const plotHeight = subjects.length * ROW_HEIGHT;
  const panelHeight = TITLES_HEIGHT + plotHeight + AXIS_HEIGHT;
  const height = MARGIN + panels.length * panelHeight;
  const tops = panels.map((_, index) => MARGIN + index * panelHeight);
  const svg = drawSvg(
    { width: WIDTH, height },
    {
      backgroundColor: INK.paper,
      textStyle: { fontFamily: FONT },
      title: panels.flatMap((panel, index) => titles(panel, tops[index] ?? 0)),
      grid: tops.map((top) => ({ left: LEFT, right: RIGHT, top: top + TITLES_HEIGHT, height: plotHeight })),
      xAxis: panels.map((panel, index) => valueAxis(panel, index)),
      yAxis: panels.map((panel, index) => nameAxis(panel, index)),
      series: panels.flatMap((panel, index) => [
        bars(panel, index),
        { type: "custom", xAxisIndex: index, yAxisIndex: index, silent: true, ...marksOf(panel) },
      ]),
    },
  );
  return finish(svg, group);
}

function titles(panel: Panel, top: number) {
  const place = { left: MARGIN - 5, padding: 5 };
  const style = { width: WIDTH - 2 * MARGIN, overflow: "truncate" as const };
  return [
    { ...place, top, text: panel.title, textStyle: { ...style, fontSize: 15, fontWeight: 600, color: INK.text } },
    {
      ...place,
      top: top + 20,
      text: panel.subtitle,
      textStyle: { ...style, fontSize: 12, fontWeight: 400, color: INK.muted },
    },
  ];
}

function valueAxis(panel: Panel, gridIndex: number) {
  const { type, min, max } = panel.axis;
  return {
    gridIndex,
    type,
    min,
    max,
    // Where bars begin; a logarithmic axis begins them at 1 otherwise.
    startValue: min,
    splitNumber: 5,
    axisLabel: { color: INK.muted, fontSize: 11, hideOverlap: true, formatter: panel.formatTick },
    axisLine: { show: false },
    axisTick: { show: false },
    minorTick: { show: false },
    splitLine: { lineStyle: { color: INK.grid, width: 1 } },
  };
}

function nameAxis(panel: Panel, gridIndex: number) {
  return {
    gridIndex,
    type: "category" as const,
    inverse: true,
    data: panel.rows.map(({ name }) => name),
    axisLine: { lineStyle: { color: INK.muted } },
    axisTick: { show: false },
    axisLabel: {
      interval: 0,
      fontSize: 12,
      width: LEFT - MARGIN - 8,
      overflow: "truncate" as const,
      formatter: (name: string, row: number) => `{${panel.rows[row]?.ours === true ? "ours" : "other"}|${name}}`,
      rich: {
        ours: { color: INK.ours, fontSize: 12, fontWeight: 700 },
        other: { color: INK.text, fontSize: 12 },
      },
    },
  };
}

function bars(panel: Panel, index: number) {
  return {
    type: "bar" as const,
    xAxisIndex: index,
    yAxisIndex: index,
    silent: true,
    barWidth: 14,
    data: panel.rows.map(({ summary, ours }) => ({
      value: summary?.median ?? "-",
      itemStyle: { color: ours ? INK.ours : INK.other },
    })),
  };
}

/** Without what is for the mouse, and with a name and a description for those who do not see the chart. */
function finish(svg: string, group: Group): string {
  // Classes and ids count the charts of this process, so that the same results would not give the same bytes.
  const still = svg
    .replaceAll(/<style\b[^>]*>[\s\S]*?<\/style>\n?/g, "")
    .replaceAll(/ (?:class|pointer-events|ecmeta_\w+)="[^"]*"/g, "")
    .replaceAll(/\bzr\d+-/g, `${group.id}-`);
  const title = `<title id="${group.id}-title">${escapeXml(group.title)}</title>`;
  const description = `<desc id="${group.id}-desc">${escapeXml(describeGroup(group.jobs))}</desc>`;
  const opened = still.replace(
    /^<svg ([^>]*)>/,
    (_, attributes: string) =>
      `<svg role="img" aria-labelledby="${group.id}-title ${group.id}-desc" ${attributes}>\n${title}\n${description}`,
  );
  return `${opened.trimEnd()}\n`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
