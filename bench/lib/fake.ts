/** The fake Gmail from outside: starts its process, tells it how to behave, and reads its meters. */
import path from "node:path";
import { type Behaviour, CONTROL, HEALTHY, type Meters } from "../fake-gmail/behaviour.ts";
import { firstLine, startChild } from "./child.ts";

export class FakeGmail {
  readonly origin: string;

  private constructor(origin: string) {
    this.origin = origin;
  }

  static async start(stack: AsyncDisposableStack): Promise<FakeGmail> {
    const server = path.join(import.meta.dirname, "../fake-gmail/server.ts");
    const child = startChild(stack, process.execPath, ["--disable-warning=ExperimentalWarning", server]);
    const port = await firstLine(child, child.stdout, (line) => (/^\d+$/.test(line) ? line : null));
    return new FakeGmail(`http://127.0.0.1:${port}`);
  }

  /** From now on it behaves like this, and its meters start anew. */
  async reset(behaviour: Partial<Behaviour> = {}): Promise<void> {
    const body = JSON.stringify({ ...HEALTHY, ...behaviour });
    const response = await fetch(this.origin + CONTROL.reset, { method: "POST", body });
    if (response.status !== 204) throw new Error("The fake cannot be told how to behave.");
  }

  async meters(): Promise<Meters> {
    const response = await fetch(this.origin + CONTROL.meters);
    return response.json<Meters>();
  }
}
