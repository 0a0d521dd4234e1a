/**
 * Every flow that calls Google. A flow runs undisturbed once, so that its calls are known, and then once for every call and
 * every fault.
 */
import type { Flow } from "./flow.ts";
import { LEAVING } from "./leaving-flows.ts";
import { REQUEST_FLOWS } from "./request-flows.ts";
import { SERVICE_FLOWS } from "./service-flows.ts";
import { SIGN_IN } from "./sign-in-flows.ts";

export const FLOWS: readonly Flow[] = [...SIGN_IN, ...REQUEST_FLOWS, ...SERVICE_FLOWS, ...LEAVING];
