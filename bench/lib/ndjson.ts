/** Reads an NDJSON answer line by line, keeping none of them. */
export async function readLines(response: Response, onLine: (line: string) => void): Promise<void> {
  if (response.status !== 200 || response.body === null) {
    throw new Error(`A stream with status ${response.status}: ${await response.text()}`);
  }
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
  if (rest !== "") throw new Error("The last line is cut off.");
}
