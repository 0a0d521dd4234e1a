/** What a panel of a chart shows of a job: its rows, its axis, and the marks over the bars. */

import type { CustomSeriesOption } from "echarts/charts";
import type { Job, Outcome, SubjectInfo, Summary } from "../lib/results.ts";
import { floorMultiple, headlineOf, measureOf, OURS } from "./compare.ts";
import { formatMultiple, formatNumber, formatValue, headingOf } from "./numbers.ts";

/** On white in both modes of GitHub. Blue, grey and vermilion differ in lightness, too, so that hue is not needed. */
export const INK = {
  paper: "#ffffff",
  text: "#1f2328",
  muted: "#59636e",
  grid: "#e5e8eb",
  other: "#8c96a0",
  ours: "#0b5cad",
  floor: "#c2410c",
} as const;

/** Above this span a linear axis would hide the small values. */
const LOG_SPAN = 20;

/** Of a label in the place of a bar. */
const MAX_CHARACTERS = 90;

interface Row {
  readonly name: string;
  readonly ours: boolean;
  readonly summary: Summary | null;
  /** The value, or why there is none. */
  readonly label: string;
}

export interface Panel {
  readonly title: string;
  readonly subtitle: string;
  readonly rows: readonly Row[];
  readonly axis: { readonly type: "value" | "log"; readonly min: number; readonly max: number };
  readonly formatTick: (value: number) => string;
  readonly floor: { readonly value: number; readonly label: string } | null;
}

/** Makes a job's panel. */
export function panelOf(job: Job, subjects: readonly SubjectInfo[]): Panel {
  const column = headlineOf(job);
  const rows = subjects.map(({ key, name }) => {
    const outcome = job.outcomes[key];
    const summary = measureOf(outcome, column.key);
    return { name: `${key}  ${name}`, ours: key === OURS, summary, label: labelOf(job, outcome) };
  });
  const axis = axisOf(rows.map(({ summary }) => summary).concat(job.floor));
  const direction = { less: "less is better", more: "more is better", none: "" }[column.better];
  const scale = axis.type === "log" ? `logarithmic axis, as the values span more than ${LOG_SPAN} times` : "";
  return {
    title: job.title,
    subtitle: [headingOf(column), direction, scale].filter((part) => part !== "").join(" · "),
    rows,
    axis,
    formatTick: (value) => formatNumber(value, column.unit),
    floor:
      job.floor === null
        ? null
        : { value: job.floor.median, label: `floor ${formatValue(job.floor.median, column.unit)}` },
  };
}

function labelOf(job: Job, outcome: Outcome): string {
  if ("notRun" in outcome) return shortened(`not run: ${outcome.notRun}`);
  const column = headlineOf(job);
  const summary = measureOf(outcome, column.key);
  if (summary === null) return "not measured";
  const multiple = floorMultiple(job, summary);
  const value = formatValue(summary.median, column.unit);
  return multiple === null ? value : `${value} · ${formatMultiple(multiple)} floor`;
}

/** What fits on a line; the table has all of it. Counted, as there is no font here to measure with. */
function shortened(label: string): string {
  const characters = Array.from(label.replaceAll(/\s+/g, " "));
  return characters.length <= MAX_CHARACTERS
    ? characters.join("")
    : `${characters.slice(0, MAX_CHARACTERS - 1).join("")}…`;
}

/** An axis that holds all values, from zero; a logarithmic one from the power of ten below the least. */
function axisOf(summaries: readonly (Summary | null)[]): Panel["axis"] {
  const present = summaries.filter((summary) => summary !== null);
  const medians = present.map(({ median }) => median);
  const lowest = Math.min(...present.map(({ low }) => low));
  const highest = Math.max(0, ...present.map(({ high, median }) => Math.max(high, median)));
  const isLog = lowest > 0 && Math.max(...medians) > LOG_SPAN * Math.min(...medians);
  if (!isLog) return { type: "value", min: 0, max: niceCeiling(highest) };
  // A least value close above a power of ten would have hardly any bar.
  const min = 10 ** Math.floor(Math.log10(lowest / 1.5));
  return { type: "log", min, max: 10 ** Math.ceil(Math.log10(highest)) };
}

/** The next round number, so that the axis ends with a line. */
function niceCeiling(value: number): number {
  if (value <= 0) return 1;
  const magnitude = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
  const step = steps.find((candidate) => candidate * magnitude >= value * (1 - 1e-9)) ?? 10;
  return Number((step * magnitude).toPrecision(6));
}

/** Whiskers and values beside the bars, and the floor's line: a custom series with an item for each row. */
export function marksOf(panel: Panel) {
  const renderItem: NonNullable<CustomSeriesOption["renderItem"]> = (params, api) => {
    const row = panel.rows[params.dataIndex];
    if (row === undefined) return null;
    const left = api.coord([panel.axis.min, params.dataIndex])[0] ?? 0;
    const y = api.coord([panel.axis.min, params.dataIndex])[1] ?? 0;
    const at = (value: number) => Math.round(api.coord([value, params.dataIndex])[0] ?? left);
    const whisker = row.summary === null ? null : { from: at(row.summary.low), to: at(row.summary.high) };
    const barEnd = row.summary === null ? left : at(row.summary.median);
    const floor = panel.floor === null ? null : at(panel.floor.value);
    const rowHeight = (api.size?.([0, 1]) as number[] | undefined)?.[1] ?? 0;
    const isFirst = params.dataIndex === 0;
    return {
      type: "group",
      children: [
        ...(floor === null ? [] : floorLine({ x: floor, y, half: rowHeight / 2 })),
        ...(floor === null || !isFirst || panel.floor === null
          ? []
          : [text({ x: floor, y: y - rowHeight / 2 - 4, label: panel.floor.label, ink: INK.floor, isFloor: true })]),
        ...(whisker === null ? [] : whiskerLines({ ...whisker, y })),
        text({
          x: clearOf(Math.max(barEnd, whisker?.to ?? left) + 7, floor),
          y,
          label: row.label,
          ink: row.summary === null ? INK.muted : row.ours ? INK.ours : INK.text,
          isFloor: false,
        }),
      ],
    };
  };
  return { renderItem, data: panel.rows.map((_, index) => [panel.axis.min, index]), clip: false, z: 5 };
}

/** Where a label may begin that the floor's line would cross just behind its beginning or at its left edge. */
function clearOf(x: number, floor: number | null): number {
  return floor !== null && floor >= x - 5 && floor < x + 130 ? floor + 7 : x;
}

function line({ x1, y1, x2, y2 }: Readonly<Record<"x1" | "y1" | "x2" | "y2", number>>, style: object) {
  return { type: "line" as const, shape: { x1, y1, x2, y2 }, style };
}

/** Dashed, with a white edge where it runs over a bar. */
function floorLine({ x, y, half }: Readonly<Record<"x" | "y" | "half", number>>) {
  const shape = { x1: x, x2: x, y1: y - half, y2: y + half };
  return [
    line(shape, { stroke: INK.paper, lineWidth: 4 }),
    line(shape, { stroke: INK.floor, lineWidth: 2, lineDash: [5, 3] }),
  ];
}

/** From the first to the third quartile; nothing where they fall on one pixel. */
function whiskerLines({ from, to, y }: Readonly<Record<"from" | "to" | "y", number>>) {
  if (to - from < 2) return [];
  const ends = [from, to].map((x) => ({ x1: x, x2: x, y1: y - 4, y2: y + 4 }));
  const shapes = [{ x1: from, x2: to, y1: y, y2: y }, ...ends];
  return [
    ...shapes.map((shape) => line(shape, { stroke: INK.paper, lineWidth: 3.5 })),
    ...shapes.map((shape) => line(shape, { stroke: INK.text, lineWidth: 1.5 })),
  ];
}

interface Label {
  readonly x: number;
  readonly y: number;
  readonly label: string;
  readonly ink: string;
  readonly isFloor: boolean;
}

function text({ x, y, label, ink, isFloor }: Label) {
  return {
    type: "text" as const,
    style: {
      x,
      y,
      text: label,
      fill: ink,
      // A white edge, where the floor's line runs behind.
      stroke: INK.paper,
      lineWidth: 3,
      font: `${isFloor ? "600 11px" : "400 12px"} system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif`,
      textAlign: isFloor ? ("center" as const) : ("left" as const),
      textVerticalAlign: isFloor ? ("bottom" as const) : ("middle" as const),
    },
  };
}
