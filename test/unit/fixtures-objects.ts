/** Objects of a test's own, for what reaches them through a Worker's services. Their alarms do not ring. */
import { env } from "cloudflare:workers";
import { createMailboxCore, createServices, type Services, type World } from "../../src/context.ts";
import { objectsOf } from "../support/object-stages.ts";
import { configuration } from "./fixtures.ts";

/** An isolate whose users have objects of a stage. @param stage several isolates of one reach the same objects */
export function createIsolateServices(vars: Record<string, unknown>, world: World, stage: string): Services {
  const objects = objectsOf(env.MAILBOXES, stage, (state) =>
    createMailboxCore(services, {
      id: state.id,
      storage: withoutAlarm(state.storage).storage,
      waitUntil: (work) => state.waitUntil(work),
    }),
  );
  const services = createServices(configuration({ MAILBOXES: objects, ...vars }), world);
  return services;
}

/** Storage whose alarm is told and does not ring: the runtime's would do so by the real clock. */
export function withoutAlarm(real: DurableObjectStorage) {
  const alarm: { atMs: number | null } = { atMs: null };
  const methods: Record<string | symbol, unknown> = {
    setAlarm: async (atMs: number) => void (alarm.atMs = atMs),
    deleteAlarm: async () => void (alarm.atMs = null),
  };
  const storage = new Proxy(real, {
    get: (target, name) => {
      const value: unknown = methods[name] ?? Reflect.get(target, name);
      return typeof value === "function" && methods[name] === undefined ? value.bind(target) : value;
    },
  });
  return { storage, alarm };
}
