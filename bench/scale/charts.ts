/** The day's curves as SVG. The same numbers give the same bytes. */
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from "echarts/components";
import { use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { drawSvg } from "../lib/draw-svg.ts";
import { GMAIL } from "./limits.ts";
import type { Day } from "./simulation.ts";
import { amount } from "./table.ts";

use([BarChart, GridComponent, LegendComponent, LineChart, MarkLineComponent, SVGRenderer, TitleComponent]);

const SIZE = { width: 840, height: 420 };
const MINUTES_PER_HOUR = 60;
/** A point every so many minutes is as much as can be seen. */
const STEP_MINUTES = 15;
const COLORS = ["#0072b2", "#d55e00", "#009e73"];
const TEXT = { fontFamily: "sans-serif", color: "#333" };

function render(option: Record<string, unknown>): string {
  const svg = drawSvg(SIZE, { backgroundColor: "#fff", textStyle: TEXT, color: COLORS, ...option });
  // Identifiers count up with each chart of the process: they must not tell which one this was.
  const ids = new Map<string, string>();
  return `${svg.replaceAll(/zr\d+-[\w-]+/g, (id) => {
    const known = ids.get(id) ?? `id${ids.size}`;
    ids.set(id, known);
    return known;
  })}\n`;
}

function clock(minute: number): string {
  return `${String(Math.floor(minute / MINUTES_PER_HOUR)).padStart(2, "0")}:${String(minute % MINUTES_PER_HOUR).padStart(2, "0")}`;
}

const TIME_AXIS = {
  type: "category",
  name: "time of day (UTC)",
  nameLocation: "middle",
  nameGap: 28,
  axisLabel: { interval: (MINUTES_PER_HOUR / STEP_MINUTES) * 3 - 1 },
};

/** Quota units a minute at each size, with both limits of the project. */
export function quotaChart(days: readonly Day[]): string {
  const positions = Array.from({ length: (24 * MINUTES_PER_HOUR) / STEP_MINUTES }, (_, step) => step * STEP_MINUTES);
  const limits = [
    { yAxis: GMAIL.unitsPerMinute, name: "limit of a minute" },
    { yAxis: GMAIL.unitsPerDay / (24 * MINUTES_PER_HOUR), name: "limit of a day, evenly" },
  ];
  return render({
    title: { text: "Gmail quota units a minute, by users", left: "center", textStyle: { ...TEXT, fontSize: 15 } },
    legend: { bottom: 0 },
    grid: { left: 80, right: 150, top: 50, bottom: 75 },
    xAxis: { ...TIME_AXIS, data: positions.map(clock) },
    yAxis: { type: "log", min: 100, axisLabel: { formatter: (value: number) => amount(value) } },
    series: days.map((day, position) => ({
      type: "line",
      name: `${amount(day.users)} users`,
      showSymbol: false,
      data: positions.map((minute) => Math.round(meanOf(day.byMinute.quotaUnits, minute, STEP_MINUTES))),
      ...(position === 0 ? { markLine: limitLines(limits) } : {}),
    })),
  });
}

function limitLines(data: readonly { readonly yAxis: number; readonly name: string }[]): Record<string, unknown> {
  return {
    silent: true,
    symbol: "none",
    lineStyle: { color: "#333", type: "dashed" },
    label: { formatter: "{b}", color: "#333" },
    data,
  };
}

/** KV writes and refreshes in each hour. */
export function storageChart(day: Day): string {
  const hours = Array.from({ length: 24 }, (_, hour) => hour);
  const perHour = (minutes: readonly number[]): number[] =>
    hours.map((hour) => Math.round(meanOf(minutes, hour * MINUTES_PER_HOUR, MINUTES_PER_HOUR) * MINUTES_PER_HOUR));
  return render({
    title: {
      text: `KV writes and token calls an hour, ${amount(day.users)} users`,
      left: "center",
      textStyle: { ...TEXT, fontSize: 15 },
    },
    legend: { bottom: 0 },
    grid: { left: 80, right: 30, top: 50, bottom: 75 },
    xAxis: { ...TIME_AXIS, axisLabel: {}, data: hours.map((hour) => clock(hour * MINUTES_PER_HOUR)) },
    yAxis: { type: "value", axisLabel: { formatter: (value: number) => amount(value) } },
    series: [
      { type: "bar", name: "calls of the token endpoint", data: perHour(day.byMinute.token) },
      { type: "bar", name: "KV writes", data: perHour(day.byMinute.kvWrites) },
    ],
  });
}

function meanOf(minutes: readonly number[], from: number, count: number): number {
  return minutes.slice(from, from + count).reduce((sum, value) => sum + value, 0) / count;
}
