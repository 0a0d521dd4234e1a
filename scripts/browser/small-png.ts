/**
 * Makes a screenshot small: Chromium writes true colour, of which a page of text has few, so a palette does with a third of
 * the bytes. Where there are too many colours, some become what is nearest to them.
 *
 * https://www.w3.org/TR/png-3/
 */

import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const MAX_COLORS = 256;
const TRUE_COLOR = 2;
const TRUE_COLOR_WITH_ALPHA = 6;
const PALETTE = 3;

interface Image {
  readonly width: number;
  readonly height: number;
  /** Three bytes a pixel, row by row. */
  readonly rgb: Uint8Array;
}

/** The same picture with a palette. Takes what Chromium writes: 8 bits, true colour, not interlaced, opaque. */
export function shrinkPng(png: Uint8Array): Buffer {
  const { width, height, rgb } = decode(Buffer.from(png));
  const { palette, pixels } = toPalette(rgb);
  const rows = Buffer.alloc((width + 1) * height);
  // A row begins with its filter; for a palette, none is best.
  for (let y = 0; y < height; y += 1) rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, PALETTE], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flatMap(channelsOf))),
    chunk("IDAT", deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** As many of the colours as a palette holds; each of the others becomes the nearest of them. */
function toPalette(rgb: Uint8Array): { palette: number[]; pixels: Uint8Array } {
  const colors = Uint32Array.from({ length: rgb.length / 3 }, (_, pixel) => {
    const [red = 0, green = 0, blue = 0] = rgb.subarray(pixel * 3, pixel * 3 + 3);
    return red * 65_536 + green * 256 + blue;
  });
  const counts = new Map<number, number>();
  for (const color of colors) counts.set(color, (counts.get(color) ?? 0) + 1);
  const palette = choose(counts);
  const indexes = new Map([...counts.keys()].map((color) => [color, nearest(palette, color)]));
  return { palette, pixels: Uint8Array.from(colors, (color) => indexes.get(color) ?? 0) };
}

/** The most frequent colours, and of the others those that are missed most: often seen and far from all that is there. */
function choose(counts: ReadonlyMap<number, number>): number[] {
  const byCount = [...counts].sort(([, one], [, other]) => other - one);
  const palette = byCount.slice(0, MAX_COLORS / 2).map(([color]) => color);
  const missed = byCount.slice(MAX_COLORS / 2).map(([color, count]) => {
    return { color, weight: Math.sqrt(count), far: Math.min(...palette.map((known) => distance(known, color))) };
  });
  while (palette.length < MAX_COLORS) {
    const [most] = missed.sort((one, other) => other.weight * other.far - one.weight * one.far);
    if (most === undefined || most.far === 0) break;
    palette.push(most.color);
    for (const one of missed) one.far = Math.min(one.far, distance(one.color, most.color));
  }
  return palette;
}

/** The square of how far two colours are apart. */
function distance(one: number, other: number): number {
  const [red, green, blue] = channelsOf(one);
  const [otherRed, otherGreen, otherBlue] = channelsOf(other);
  return (red - otherRed) ** 2 + (green - otherGreen) ** 2 + (blue - otherBlue) ** 2;
}

/** The index of the nearest colour. */
function nearest(palette: readonly number[], color: number): number {
  const distances = palette.map((candidate) => distance(candidate, color));
  return distances.indexOf(Math.min(...distances));
}

/** Red, green and blue. */
function channelsOf(color: number): [number, number, number] {
  return [color >> 16, (color >> 8) & 0xff, color & 0xff];
}

function decode(png: Buffer): Image {
  const width = png.readUInt32BE(16);
  const height = png.readUInt32BE(20);
  const [depth, colorType] = [png[24], png[25]];
  if (depth !== 8 || (colorType !== TRUE_COLOR && colorType !== TRUE_COLOR_WITH_ALPHA)) throw new Error("Another PNG.");
  const channels = colorType === TRUE_COLOR ? 3 : 4;
  const data: Buffer[] = [];
  for (let at = SIGNATURE.length; at < png.length; at += png.readUInt32BE(at) + 12) {
    if (png.toString("latin1", at + 4, at + 8) === "IDAT")
      data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const rows = unfilter(inflateSync(Buffer.concat(data)), width * channels, channels);
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    rgb.set(rows.subarray(pixel * channels, pixel * channels + 3), pixel * 3);
  }
  return { width, height, rgb };
}

/** Undoes the filters of the rows, section 9. */
function unfilter(filtered: Buffer, rowBytes: number, pixelBytes: number): Uint8Array {
  const height = filtered.length / (rowBytes + 1);
  const rows = new Uint8Array(rowBytes * height);
  for (let y = 0; y < height; y += 1) {
    const filter = filtered[y * (rowBytes + 1)] ?? 0;
    for (let x = 0; x < rowBytes; x += 1) {
      const here = y * rowBytes + x;
      const left = x >= pixelBytes ? (rows[here - pixelBytes] ?? 0) : 0;
      const above = y > 0 ? (rows[here - rowBytes] ?? 0) : 0;
      const aboveLeft = y > 0 && x >= pixelBytes ? (rows[here - rowBytes - pixelBytes] ?? 0) : 0;
      const predicted = [0, left, above, (left + above) >> 1, paeth(left, above, aboveLeft)][filter] ?? 0;
      rows[here] = (filtered[y * (rowBytes + 1) + 1 + x] ?? 0) + predicted;
    }
  }
  return rows;
}

function paeth(left: number, above: number, aboveLeft: number): number {
  const estimate = left + above - aboveLeft;
  const [byLeft, byAbove, byAboveLeft] = [left, above, aboveLeft].map((value) => Math.abs(estimate - value));
  if (byLeft === undefined || byAbove === undefined || byAboveLeft === undefined) return 0;
  if (byLeft <= byAbove && byLeft <= byAboveLeft) return left;
  return byAbove <= byAboveLeft ? above : aboveLeft;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}
