/**
 * `npm run docs:errors`: writes the table of docs/errors.md from the reasons of src/errors.ts and the advice in
 * scripts/docs/error-advice.ts. With `-- --check` it writes nothing, and fails if the table is not what it would write.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { format, type FormatConfig } from "oxfmt";
import { type Reason, REASONS } from "../src/errors.ts";
import { ADVICE } from "./docs/error-advice.ts";
import { readCommandLine } from "./lib/command-line.ts";
import { PROJECT_ROOT } from "./lib/wrangler.ts";

const PAGE = path.join(PROJECT_ROOT, "docs/errors.md");
const START = "<!-- reasons:start -->";
const END = "<!-- reasons:end -->";

function table(): string {
  const reasons = Object.keys(REASONS) as Reason[];
  const rows = reasons.map((reason) => {
    const { code, title } = REASONS[reason];
    const { happened, person, program, operator } = ADVICE[reason];
    return [`\`${reason}\``, `${code}`, `**${title}.** ${happened}`, person, program, operator];
  });
  const header = ["reason", "code", "headline of the page, and what happened", "person", "program", "operator"];
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The page with its table made again, as oxfmt wants it. */
async function withTable(page: string): Promise<string> {
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error(`docs/errors.md has no ${START} and ${END} in this order.`);
  const made = `${page.slice(0, start + START.length)}\n\n${table()}\n\n${page.slice(end)}`;
  const options = JSON.parse(readFileSync(path.join(PROJECT_ROOT, ".oxfmtrc.json"), "utf8")) as FormatConfig;
  const { code, errors } = await format(PAGE, made, options);
  const [error] = errors;
  if (error !== undefined) throw new Error(`docs/errors.md: ${error.message}`);
  return code;
}

const { values } = readCommandLine({
  name: "docs:errors",
  about: "Writes the table of docs/errors.md from src/errors.ts and scripts/docs/error-advice.ts.",
  options: {
    check: { type: "boolean", default: false, about: "Writes nothing, and fails where the table is another one" },
  },
  example: "--check",
});
const page = readFileSync(PAGE, "utf8");
const made = await withTable(page);
if (!values.check) {
  writeFileSync(PAGE, made);
} else if (made !== page) {
  console.error(
    "docs/errors.md does not match src/errors.ts and scripts/docs/error-advice.ts: run npm run docs:errors.",
  );
  process.exitCode = 1;
}
