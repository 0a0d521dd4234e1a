/** A failure whose message says all that the person at the terminal needs. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
}
