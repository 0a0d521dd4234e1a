/** The local Google as a process of the benchmark's own. The first line that it prints is its port; it ends with its standard input. */
import { startGoogle } from "../test/google/server.ts";

const { origin } = await startGoogle({ name: "bench" });
console.log(new URL(origin).port);
process.stdin.resume().on("end", () => process.exit(0));
