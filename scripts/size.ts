/**
 * `npm run size`: bundles the Worker as a deployment would and checks its compressed size, which decides how fast an
 * isolate starts and how much of the platform's limit is left.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { readCommandLine } from "./lib/command-line.ts";
import { PROJECT_ROOT, WRANGLER } from "./lib/wrangler.ts";

const MAX_GZIP_KIB = 132;

readCommandLine({
  name: "size",
  about: `Bundles the Worker as a deployment does, and exits with 1 above ${MAX_GZIP_KIB} KiB gzip.`,
  options: {},
  example: "",
});

const outdir = mkdtempSync(path.join(tmpdir(), "gmail-edge-size-"));
try {
  const wrangler = spawnSync(process.execPath, [WRANGLER, "deploy", "--dry-run", "--outdir", outdir], {
    cwd: PROJECT_ROOT,
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" },
    encoding: "utf8",
  });
  if (wrangler.status !== 0) throw new Error(`wrangler failed:\n${wrangler.stdout}${wrangler.stderr}`);
  const bundle = readFileSync(path.join(outdir, "index.js"));
  const gzipKib = gzipSync(bundle).byteLength / 1024;
  console.log(
    `Worker: ${(bundle.byteLength / 1024).toFixed(1)} KiB, gzip ${gzipKib.toFixed(1)} KiB (limit ${MAX_GZIP_KIB} KiB)`,
  );
  if (gzipKib > MAX_GZIP_KIB) {
    console.error(`The bundle is too large: find what grew it, or why it must be.`);
    process.exitCode = 1;
  }
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
