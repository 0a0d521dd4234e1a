/** Screenshots with a palette: the picture must stay what it was. */

import { crc32, deflateSync, inflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { shrinkPng } from "../../scripts/browser/small-png.ts";

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

/** A picture two pixels wide, 8 bits, true colour; each row with its filter first. */
function png(rows: readonly (readonly number[])[]): Buffer {
  const header = Buffer.from([0, 0, 0, 2, 0, 0, rows.length >> 8, rows.length & 0xff, 8, 2, 0, 0, 0]);
  const data = deflateSync(Buffer.from(rows.flat()));
  const signature = Buffer.from("\u0089PNG\r\n\u001a\n", "latin1");
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

/** The pixels of a picture with a palette and no filters. */
function pixelsOf(image: Buffer): number[][] {
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < image.length; at += image.readUInt32BE(at) + 12) {
    const data = image.subarray(at + 8, at + 8 + image.readUInt32BE(at));
    chunks.set(image.toString("latin1", at + 4, at + 8), data);
    expect(image.readUInt32BE(at + 8 + data.length)).toBe(crc32(image.subarray(at + 4, at + 8 + data.length)));
  }
  expect([...chunks.keys()]).toEqual(["IHDR", "PLTE", "IDAT", "IEND"]);
  const palette = [...(chunks.get("PLTE") ?? [])];
  const rows = inflateSync(chunks.get("IDAT") ?? Buffer.alloc(0));
  const indexes = [...rows].filter((_, at) => at % 3 !== 0);
  return indexes.map((index) => palette.slice(index * 3, index * 3 + 3));
}

it("keeps every colour of a picture with few, whatever its filters", () => {
  const shrunk = shrinkPng(
    png([
      [0, 10, 20, 30, 255, 0, 255],
      [1, 10, 20, 30, 1, 1, 1],
      [2, 1, 1, 1, 1, 1, 1],
      [3, 5, 10, 15, 0, 0, 0],
      [4, 1, 2, 3, 4, 5, 6],
    ]),
  );
  expect(pixelsOf(shrunk)).toEqual([
    [10, 20, 30],
    [255, 0, 255],
    [10, 20, 30],
    [11, 21, 31],
    [11, 21, 31],
    [12, 22, 32],
    [10, 20, 30],
    [11, 21, 31],
    [11, 22, 33],
    [15, 27, 39],
  ]);
});

it("keeps the frequent colours of a picture with too many, and brings the others near", () => {
  const rows = Array.from({ length: 510 }, (_, y) => [0, 200, 100, 50, y % 256, 255 - (y % 256), y % 7]);
  const pixels = pixelsOf(shrinkPng(png(rows)));
  expect(pixels[0]).toEqual([200, 100, 50]);
  expect(new Set(pixels.map(String)).size).toBe(256);
  const [, second = []] = pixels;
  expect(Math.abs((second[1] ?? 0) - 255)).toBeLessThan(16);
});

it("refuses a picture of another kind", () => {
  const grey = png([[0, 1, 2, 3, 4, 5, 6]]);
  grey[25] = 0;
  expect(() => shrinkPng(grey)).toThrow("Another PNG.");
});
